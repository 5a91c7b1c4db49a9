# A library for users: the objects of several boxes in one file, of which only what is marked VOW_EXPORT can be seen.
#
# vow_library(TARGET NAME name [STATIC] BOXES box... LINKS target...)
#   NAME    of the file (lib<name>) and of the target that users link: vow::<name>
#   STATIC  whatever BUILD_SHARED_LIBS says
#   LINKS   libraries of others that the boxes call
# Another library for users is one more call of this, and its name in install(TARGETS ...) in cmake/VowInstall.cmake.
function(vow_library target)
    cmake_parse_arguments(LIB "STATIC" "NAME" "BOXES;LINKS" ${ARGN})
    foreach(box IN LISTS LIB_BOXES)
        list(APPEND objects $<TARGET_OBJECTS:${box}>)
    endforeach()
    if(BUILD_SHARED_LIBS AND NOT LIB_STATIC)
        add_library(${target} SHARED ${objects})
        set(map ${PROJECT_SOURCE_DIR}/packaging/${LIB_NAME}.map)
        set_target_properties(${target} PROPERTIES LINK_DEPENDS ${map})
        target_link_options(${target} PRIVATE -Wl,--version-script=${map} -Wl,--as-needed)
        if(NOT VOW_SANITIZE) # the runtime of a sanitizer is the program's
            target_link_options(${target} PRIVATE -Wl,--no-undefined)
        endif()
    else()
        vow_one_object(${target} ${objects})
    endif()
    add_library(vow::${LIB_NAME} ALIAS ${target})
    target_link_libraries(${target} PRIVATE ${LIB_LINKS})
    target_link_options(${target} PRIVATE $<TARGET_PROPERTY:vow_options,INTERFACE_LINK_OPTIONS>)
    # Not where the boxes' own archives lie, of which one has the same name.
    set_target_properties(${target} PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
    # 0.x: a minor version may break what was there before, so it is part of the library's name.
    set_target_properties(${target} PROPERTIES
        LINKER_LANGUAGE C OUTPUT_NAME ${LIB_NAME} EXPORT_NAME ${LIB_NAME}
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endfunction()

# An archive has no hidden names: a program that links it would collide with our text_add() and table_free(). So the
# objects are made one, in which what is hidden becomes local.
function(vow_one_object target)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.o)
    add_custom_command(
        OUTPUT ${object}
        COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${object} ${ARGN}
        COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
        DEPENDS ${ARGN}
        COMMAND_EXPAND_LISTS VERBATIM)
    add_library(${target} STATIC ${object})
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endfunction()
