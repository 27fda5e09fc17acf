// What must hold after an input: a broken promise ends the process, so that libFuzzer keeps the input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define BROKEN(what)                                                       \
  do {                                                                     \
    std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, what); \
    std::abort();                                                          \
  } while (false)
#define REQUIRE(condition)                                                         \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
