// Syntax of names and addresses.
#include "ctl/config/names.h"

#include <gtest/gtest.h>

#include <string>

namespace {

// RFC 3629 section 4, and the examples of well-formed and ill-formed text in the Unicode Standard's table 3-7.
TEST(Names, APathIsAbsoluteUtf8) {
  for (const char* good : {"/", "/srv/a b", "/srv/\xc3\xa9t\xc3\xa9", "/\xe0\xa0\x80", "/\xed\x9f\xbf", "/\xee\x80\x80",
                           "/\xf0\x90\x80\x80", "/\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(ctl::valid_path(good)) << good;
  for (const char* bad :
       {"", "srv/a", "/\x80", "/\xc0\xaf", "/\xc1\xbf", "/\xc3", "/\xc3/", "/\xe0\x9f\xbf", "/\xe2\x82", "/\xe2\x82/",
        "/\xed\xa0\x80", "/\xf0\x8f\xbf\xbf", "/\xf0\x90\x80", "/\xf4\x90\x80\x80", "/\xf5\x80\x80\x80", "/\xff"})
    EXPECT_FALSE(ctl::valid_path(bad)) << bad;
  EXPECT_FALSE(ctl::valid_path(std::string("/a\0b", 4)));
  EXPECT_TRUE(ctl::valid_path("/" + std::string(4094, 'a')));
  EXPECT_FALSE(ctl::valid_path("/" + std::string(4095, 'a')));
}

}  // namespace
