# A box is one static library whose include path shows exactly its own folder and, through its links, the boxes it may
# use.
# vow_box(NAME SHOWS folder... SOURCES file... [USES target...])
#   SHOWS  folders of the source tree that users of the box may include, by their path from the root ("proto")
function(vow_box name)
    cmake_parse_arguments(BOX "" "" "SHOWS;SOURCES;USES" ${ARGN})
    add_library(${name} STATIC ${BOX_SOURCES})
    target_link_libraries(${name} PRIVATE vow_options PUBLIC ${BOX_USES})
    foreach(folder IN LISTS BOX_SHOWS)
        vow_show(${name} ${folder} ${folder})
    endforeach()
endfunction()

# Shows a source folder under another name on the include path of a target: vow_show(vow-bench bench bench).
function(vow_show target folder as)
    set(root ${PROJECT_BINARY_DIR}/boxes/${target})
    get_filename_component(parent ${root}/${as} DIRECTORY)
    file(MAKE_DIRECTORY ${parent})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${root}/${as} SYMBOLIC)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${root}>)
endfunction()

# The same for some files of a folder only: vow_show_files(TARGET folder as file...).
function(vow_show_files target folder as)
    set(root ${PROJECT_BINARY_DIR}/boxes/${target})
    file(REMOVE_RECURSE ${root}/${as})
    file(MAKE_DIRECTORY ${root}/${as})
    foreach(file IN LISTS ARGN)
        file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder}/${file} ${root}/${as}/${file} SYMBOLIC)
    endforeach()
    target_include_directories(${target} INTERFACE $<BUILD_INTERFACE:${root}>)
endfunction()

# Generates protobuf-c code in the build tree and compiles it without our warnings.
# vow_protobuf(TARGET file.proto): an object library with the folder of the generated header on its include path.
function(vow_protobuf target proto)
    get_filename_component(base ${proto} NAME_WE)
    get_filename_component(dir ${CMAKE_CURRENT_SOURCE_DIR}/${proto} DIRECTORY)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/generated)
    file(MAKE_DIRECTORY ${out})
    add_custom_command(
        OUTPUT ${out}/${base}.pb-c.c ${out}/${base}.pb-c.h
        COMMAND ${PROTOC_C} --c_out=${out} --proto_path=${dir} ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        VERBATIM)
    add_library(${target} STATIC ${out}/${base}.pb-c.c ${out}/${base}.pb-c.h)
    target_include_directories(${target} SYSTEM PUBLIC ${out})
    target_link_libraries(${target} PUBLIC PkgConfig::protobuf_c)
    if(VOW_SANITIZE)
        target_compile_options(${target} PRIVATE -fsanitize=${VOW_SANITIZE})
    endif()
endfunction()
