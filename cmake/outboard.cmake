# Compiler settings and the functions that every folder's CMakeLists.txt uses.
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY() is a statement expression
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(OUTBOARD_SANITIZE)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # else as the distribution's compilers do: PIE, which may inline more
endif()

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-gnu-statement-expression)
endif()
if(OUTBOARD_SANITIZE)
  add_compile_options(-fsanitize=${OUTBOARD_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${OUTBOARD_SANITIZE})
  if(OUTBOARD_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)  # fences in hal order atomics only, which the sanitizer follows by themselves
  endif()
else()
  # Tree-wide optimisation is what makes the layers free; hardening flags as Debian's own packages have them.
  add_compile_options(-fstack-protector-strong -fcf-protection -D_GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()
if(OUTBOARD_SANITIZE MATCHES "memory")
  # The distribution's libraries write memory that the sanitizer does not see: as much as can be is made of headers.
  add_compile_options(-fsanitize-memory-track-origins)
  add_compile_definitions(_GLIBCXX_EXTERN_TEMPLATE=0 FMT_HEADER_ONLY)
  set(INSTALL_GTEST OFF)
  add_subdirectory(/usr/src/googletest googletest EXCLUDE_FROM_ALL)
  target_compile_options(gtest PRIVATE -w)
else()
  find_package(GTest REQUIRED)
endif()

# outboard_headers_only(library definitions): under the memory sanitizer an imported library is used as headers.
function(outboard_headers_only library definitions)
  if(OUTBOARD_SANITIZE MATCHES "memory")
    set_target_properties(${library} PROPERTIES INTERFACE_COMPILE_DEFINITIONS "${definitions}" INTERFACE_COMPILE_OPTIONS "")
  endif()
endfunction()

if(OUTBOARD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(OUTBOARD_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
if(OUTBOARD_SHUFFLE)
  add_compile_definitions(OUTBOARD_SHUFFLE=1)
endif()

# outboard_library(name [HEADER_ONLY] [TOGETHER] SOURCES ... LINKS ...): a folder's library, built when a program wants it.
# TOGETHER compiles its sources as a few: much shorter builds where the headers are heavy.
function(outboard_library name)
  cmake_parse_arguments(ARG "HEADER_ONLY;TOGETHER" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  if(ARG_HEADER_ONLY)
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ARG_LINKS})
  else()
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_LINKS} PRIVATE ${ARG_PRIVATE_LINKS})
    if(ARG_TOGETHER AND OUTBOARD_TOGETHER)
      set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    endif()
  endif()
endfunction()

# outboard_test(name LABEL unit SOURCES ... LINKS ...): a GoogleTest program. Its main() fails any test that logs an
# unannounced warning or error (tests/support/log_guard.h). Its sources are compiled together, which halves the time of
# a build; ALONE forbids it where their unnamed namespaces collide. IN_GUEST: made in optimised builds too.
function(outboard_test name)
  cmake_parse_arguments(ARG "ALONE;IN_GUEST" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(OUTBOARD_FUZZ OR (NOT OUTBOARD_TESTS AND NOT ARG_IN_GUEST))
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  if(OUTBOARD_TOGETHER AND NOT ARG_ALONE)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
  endif()
  target_link_libraries(${name} PRIVATE test_support ${ARG_LINKS} GTest::gtest GTest::gmock)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# outboard_fuzz(name SOURCES ... LINKS ...): a libFuzzer harness; ctest runs it for a few seconds on its corpus. Under the
# memory sanitizer, which libFuzzer's own use of libstdc++ does not bear, it is run over the corpus once.
function(outboard_fuzz name)
  cmake_parse_arguments(ARG "" "SECONDS" "SOURCES;LINKS" ${ARGN})
  if(NOT OUTBOARD_FUZZ)
    return()
  endif()
  if(NOT ARG_SECONDS)
    set(ARG_SECONDS 10)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  if(OUTBOARD_SANITIZE MATCHES "memory")
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/msan_libstdcxx.cc
                                   ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus_main.cc)
    add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz-short TIMEOUT 300 ENVIRONMENT OPENSSL_CONF=/dev/null)
    return()
  endif()
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_test(NAME ${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/fuzz/run.sh $<TARGET_FILE:${name}> ${ARG_SECONDS}
           -seed=1)  # the same way each time: a run by hand draws its own
  set_tests_properties(${name} PROPERTIES LABELS fuzz-short TIMEOUT 300)
endfunction()
