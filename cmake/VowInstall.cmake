# cmake --install: the library and its headers, the programs, what an operator needs, documentation.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# --- Development: vow::vow for CMake, vow for pkg-config ---

# Every library for users, here. find_package(vow) gives them as vow::NAME.
install(TARGETS libvow libvow_testing EXPORT vowTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Runtime NAMELINK_COMPONENT Development
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT Development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

install(DIRECTORY ${PROJECT_SOURCE_DIR}/participant/include/vow DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    COMPONENT Development FILES_MATCHING PATTERN "*.h")
get_target_property(VOW_PUBLIC_PROTO vow_headers VOW_PUBLIC_PROTO)
list(TRANSFORM VOW_PUBLIC_PROTO PREPEND ${PROJECT_SOURCE_DIR}/proto/)
install(FILES ${VOW_PUBLIC_PROTO} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vow/proto COMPONENT Development)

set(VOW_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/vow)
install(EXPORT vowTargets NAMESPACE vow:: DESTINATION ${VOW_CMAKE_DIR} COMPONENT Development)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vowConfig.cmake.in ${PROJECT_BINARY_DIR}/vowConfig.cmake
    INSTALL_DESTINATION ${VOW_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
# 0.x: a minor version may break what was there before.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vowConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vowConfig.cmake ${PROJECT_BINARY_DIR}/vowConfigVersion.cmake
    DESTINATION ${VOW_CMAKE_DIR} COMPONENT Development)

# The prefix is found from where vow.pc lies, so that a tree may be moved; not so with absolute folders.
set(VOW_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(VOW_PC_PREFIX "\${pcfiledir}/${up}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/packaging/vow.pc.in ${PROJECT_BINARY_DIR}/vow.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vow.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT Development)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/transfer DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
    COMPONENT Development)

# --- Runtime: programs, their manual pages, the service ---

install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT Runtime)
install(FILES third_party/uplot/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.uPlot COMPONENT Runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs COMPONENT Runtime
    FILES_MATCHING PATTERN "*.md")

if(NOT VOW_PROGRAMS)
    return()
endif()
install(TARGETS vowd vowctl vow-bench vow-chaos RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT Runtime)

# What vow-chaos runs (chaos/kill/program.c looks for it there): the shop, the scenarios, the preload.
set(VOW_SHOP_SERVICES shop-order shop-payment shop-stock)
set(VOW_LIBEXEC_DIR ${CMAKE_INSTALL_LIBEXECDIR}/vow)
install(TARGETS ${VOW_SHOP_SERVICES} shop-audit shop-auditor shop-load RUNTIME DESTINATION ${VOW_LIBEXEC_DIR}
    COMPONENT Runtime)
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBEXECDIR}/vow ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(${VOW_SHOP_SERVICES} shop-audit shop-auditor shop-load PROPERTIES INSTALL_RPATH "$ORIGIN/${up}")
install(TARGETS vow_faults vow_memory LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/vow COMPONENT Runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/chaos/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/vow COMPONENT Runtime
    FILES_MATCHING PATTERN "*.yaml" PATTERN "*.sql")
# With crash points: programs, and the library that a service meets there in place of the one that it was linked to.
# From a build tree of its own, as libvow_testing_world is (chaos/testing).
if(VOW_CRASH_POINTS)
    install(TARGETS vowd ${VOW_SHOP_SERVICES} RUNTIME DESTINATION ${VOW_LIBEXEC_DIR}/testing
        COMPONENT Testing EXCLUDE_FROM_ALL)
    if(BUILD_SHARED_LIBS)
        install(TARGETS libvow LIBRARY DESTINATION ${VOW_LIBEXEC_DIR}/testing
            COMPONENT Testing EXCLUDE_FROM_ALL NAMELINK_SKIP)
    endif()
endif()

# A manual page is what the program says of itself.
if(NOT CMAKE_CROSSCOMPILING)
    foreach(program vowd vowctl vow-bench vow-chaos)
        set(page ${PROJECT_BINARY_DIR}/man/${program}.1)
        file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/man)
        add_custom_command(OUTPUT ${page}
            COMMAND ${PROJECT_SOURCE_DIR}/packaging/manpage $<TARGET_FILE:${program}> ${page}
            DEPENDS ${program} ${PROJECT_SOURCE_DIR}/packaging/manpage
            VERBATIM)
        list(APPEND pages ${page})
    endforeach()
    add_custom_target(man ALL DEPENDS ${pages})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT Runtime)
endif()

# systemd: the unit, its user, its configuration. The sample stays with the documentation; tmpfiles.d copies it to
# /etc/vow if there is none, so that an update never writes over an operator's.
file(READ ${PROJECT_SOURCE_DIR}/packaging/vowd.service unit)
string(REPLACE "ExecStart=/usr/bin/vowd" "ExecStart=${CMAKE_INSTALL_FULL_BINDIR}/vowd" unit "${unit}")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/vowd.service CONTENT "${unit}" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/packaging/vowd.service)
configure_file(${PROJECT_SOURCE_DIR}/packaging/vow.tmpfiles.in ${PROJECT_BINARY_DIR}/vow.tmpfiles @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vowd.service DESTINATION lib/systemd/system COMPONENT Runtime)
install(FILES packaging/vow.sysusers DESTINATION lib/sysusers.d RENAME vow.conf COMPONENT Runtime)
install(FILES ${PROJECT_BINARY_DIR}/vow.tmpfiles DESTINATION lib/tmpfiles.d RENAME vow.conf COMPONENT Runtime)
install(FILES packaging/vowd.yaml DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT Runtime)
