# vow_suite(NAME SOURCES file... [USES target...] [LABELS label...] [TIMEOUT seconds] [VIA program])
# One Criterion executable; CTest fails on a sanitizer's report even if Criterion lets it pass (Criterion does not fail
# a test whose child only leaks).
set(VOW_SANITIZER_REPORT "ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error:")

function(vow_suite name)
    cmake_parse_arguments(SUITE "" "TIMEOUT;JOBS;VIA" "SOURCES;USES;LABELS" ${ARGN})
    if(VOW_SANITIZE STREQUAL "thread")
        list(APPEND SUITE_SOURCES ${PROJECT_SOURCE_DIR}/tests/support/tsan_runner.c)
    endif()
    add_executable(${name} ${SUITE_SOURCES})
    target_link_libraries(${name} PRIVATE vow_options ${SUITE_USES} PkgConfig::criterion)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    if(SUITE_JOBS)
        set(jobs -j${SUITE_JOBS})
    endif()
    vow_test(${name} COMMAND ${SUITE_VIA} $<TARGET_FILE:${name}> --verbose=0 ${jobs} LABELS ${SUITE_LABELS}
        TIMEOUT ${SUITE_TIMEOUT})
endfunction()

# vow_test(NAME COMMAND ... [LABELS label...] [TIMEOUT seconds]): any program as a CTest.
function(vow_test name)
    cmake_parse_arguments(TEST "" "TIMEOUT" "COMMAND;LABELS" ${ARGN})
    # For what hangs: it must be out of reach of what is slow, on a busy machine, too.
    if(NOT TEST_TIMEOUT)
        set(TEST_TIMEOUT 300)
    endif()
    add_test(NAME ${name} COMMAND ${TEST_COMMAND})
    set_tests_properties(${name} PROPERTIES
        TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}" FAIL_REGULAR_EXPRESSION "${VOW_SANITIZER_REPORT}"
        SKIP_RETURN_CODE 77
        ENVIRONMENT "ASAN_OPTIONS=detect_leaks=1;UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=halt_on_error=1")
endfunction()
