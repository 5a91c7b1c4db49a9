# -DVOW_MUTANT=NAME builds the programs with one planted bug: that of tests/mutants/NAME.patch, in a copy of the sources
# that lies in the build tree. For looking at what a bug does (bin/vow-chaos sim); tests/mutants/run tries them all.
set(mutant ${CMAKE_BINARY_DIR}/mutant-source)
set(patch ${CMAKE_SOURCE_DIR}/tests/mutants/${VOW_MUTANT}.patch)
if(NOT EXISTS ${patch})
    message(FATAL_ERROR "VOW_MUTANT: there is no ${patch}")
endif()
file(REMOVE_RECURSE ${mutant})
foreach(part CMakeLists.txt cmake proto coordinator participant chaos bench examples third_party)
    file(COPY ${CMAKE_SOURCE_DIR}/${part} DESTINATION ${mutant})
endforeach()
execute_process(COMMAND patch --strip 1 --silent INPUT_FILE ${patch} WORKING_DIRECTORY ${mutant}
    COMMAND_ERROR_IS_FATAL ANY)
set(VOW_MUTANT "") # in the copy
set(VOW_PROGRAMS ON)
set(VOW_INSTALL OFF)
add_subdirectory(${mutant} mutant)
