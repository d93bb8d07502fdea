# How the packages are compiled: what Debian and Fedora harden their own programs with, and LTO.
# Included by the top-level file after flowmyna_options is there and before any target that links it.
option(FLOWMYNA_RELEASE "Harden and optimise as the packages do (packaging/build sets it)" OFF)

if(FLOWMYNA_RELEASE)
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES CXX)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  target_compile_options(flowmyna_options INTERFACE
    -fstack-protector-strong -fstack-clash-protection -Wformat -Werror=format-security
    # The packages do not tell where they were built.
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
  target_compile_definitions(flowmyna_options INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  target_link_options(flowmyna_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)
endif()
