# Makes a file of C of files: cmake -DOUT=page.c -DFILES=NAME=FILE;... -P embed.cmake
# Each becomes `const char page_NAME[]`, a string of its bytes.
set(text "#include \"chaos/compare/page.h\"\n")
foreach(pair IN LISTS FILES)
    string(REGEX MATCH "^([a-z_]+)=(.*)$" whole "${pair}")
    set(name ${CMAKE_MATCH_1})
    file(READ "${CMAKE_MATCH_2}" bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
    string(APPEND text "const char page_${name}[] =\n    \"${bytes}\";\n")
endforeach()
file(WRITE "${OUT}" "${text}")
