# Makes a file of C of files: cmake -DOUT=page.c -DHEADER=chaos/compare/page.h -DPREFIX=page "-DFILES=NAME=FILE;..." -P
# Embed.cmake. Each becomes `const char PREFIX_NAME[]`, a string of its bytes, as the header declares it.
set(text "#include \"${HEADER}\"\n")
foreach(pair IN LISTS FILES)
    string(REGEX MATCH "^([a-z_]+)=(.*)$" whole "${pair}")
    set(name ${CMAKE_MATCH_1})
    file(READ "${CMAKE_MATCH_2}" bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
    string(APPEND text "const char ${PREFIX}_${name}[] =\n    \"${bytes}\";\n")
endforeach()
file(WRITE "${OUT}" "${text}")
