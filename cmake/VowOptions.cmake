# What every target of ours is compiled with. Linked PRIVATE, never exported.
set(VOW_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (empty: none)")
option(VOW_FUZZ "Build the fuzz targets with libFuzzer (clang only)" OFF)
option(VOW_CRASH_POINTS "Compile the named crash points in (tests only)" OFF)
# Inside another project Vow is a library; what its own developers and its operators need is left out there.
option(VOW_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(VOW_PROGRAMS "Build vowd, vowctl, vow-bench and the examples" ${PROJECT_IS_TOP_LEVEL})
option(VOW_INSTALL "Install what is built" ${PROJECT_IS_TOP_LEVEL})
# Ours to see, in the presets of tests: a warning that a newer compiler learns must not stop who only builds Vow.
option(VOW_WARNINGS_AS_ERRORS "Let a warning end the build" OFF)
if(PROJECT_IS_TOP_LEVEL)
    option(BUILD_SHARED_LIBS "libvow is a shared library" ON)
endif()

add_library(vow_options INTERFACE)
target_compile_features(vow_options INTERFACE c_std_17)
target_compile_options(vow_options INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wvla -Wswitch-enum -Wpointer-arith -Wundef
    $<$<BOOL:${VOW_WARNINGS_AS_ERRORS}>:-Werror>
    -fno-common -fstack-protector-strong)
target_compile_definitions(vow_options INTERFACE _GNU_SOURCE)
if(VOW_SANITIZE)
    target_compile_options(vow_options
        INTERFACE -fsanitize=${VOW_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(vow_options INTERFACE -fsanitize=${VOW_SANITIZE})
endif()
if(VOW_FUZZ)
    target_compile_options(vow_options INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(vow_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_definitions(vow_options INTERFACE _FORTIFY_SOURCE=2)
    target_link_options(vow_options INTERFACE -Wl,-z,relro,-z,now)
endif()
if(VOW_CRASH_POINTS)
    target_compile_definitions(vow_options INTERFACE VOW_CRASH_POINTS VOW_TESTING)
endif()
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_compile_definitions(vow_options INTERFACE VOW_SOFTWARE_VERSION="${PROJECT_VERSION}")

# The headers say their version themselves: they are read as they are, not generated.
file(STRINGS ${PROJECT_SOURCE_DIR}/participant/include/vow/types.h VOW_HEADER_VERSION REGEX "^#define VOW_VERSION ")
if(NOT VOW_HEADER_VERSION STREQUAL "#define VOW_VERSION \"${PROJECT_VERSION}\"")
    message(FATAL_ERROR "VOW_VERSION in <vow/types.h> is not ${PROJECT_VERSION}, the version of the project")
endif()
