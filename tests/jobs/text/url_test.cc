#include "jobs/text/url.h"

#include <gtest/gtest.h>

namespace quern::text {
namespace {

std::string Normal(std::string_view text) {
  const auto url = ParseUrl(text);
  return url.has_value() ? url->Text() : "none";
}

TEST(Url, HasOneSpelling) {
  struct Case {
    const char* text;
    const char* want;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"HTTP://Example.COM", "http://example.com/"},
                                   {" https://a.b:443/x y\n ", "https://a.b/x%20y"},
                                   {"http://a:80/", "http://a/"},
                                   {"http://a:8080", "http://a:8080/"},
                                   {"http://a:/x", "http://a/x"},
                                   {"https:a/b", "https://a/b"},
                                   {"http:\\\\a\\b", "http://a/b"},
                                   {"http://user:pw@a@b/", "http://b/"},
                                   {"http://a/./b/../c/%2e%2E/d/", "http://a/d/"},
                                   {"http://a/../..", "http://a/"},
                                   {"http://a//b//", "http://a//b//"},
                                   {"http://a/%7euser/%c3%a9/é?q=%41 '\"#f g",
                                    "http://a/~user/%C3%A9/%C3%A9?q=A%20%27%22#f%20g"},
                                   {"http://a?x", "http://a/?x"},
                                   {"http://a#x", "http://a/#x"},
                                   {"http://a/%zz%", "http://a/%zz%"},
                                   {"http://a/%%33%33%41", "http://a/%%333A"},
                                   {"http://a/%%333A", "http://a/%%333A"},
                                   {"http://ex%41mple.com/", "http://example.com/"},
                                   {"http://[::1]:81/", "http://[::1]:81/"},
                                   {"http://0x7f.1/", "http://127.0.0.1/"},
                                   {"http://2130706433/", "http://127.0.0.1/"},
                                   {"http://192.168.010.1/", "http://192.168.8.1/"},
                                   {"http://1.example/", "http://1.example/"},
                                   {"http://host.a1/", "http://host.a1/"},
                                   {"http://s3.v2./x", "http://s3.v2./x"},
                                   {"http://a.1b2/", "http://a.1b2/"},
                                   {"http://a.0xg1/", "http://a.0xg1/"},
                                   {"http://0x/", "http://0.0.0.0/"},
                                   {"http://127.1./", "http://127.0.0.1/"},
                                   {"ht\ntp://a/b\tc", "http://a/bc"}}) {
    EXPECT_EQ(Normal(c.text), c.want) << c.text;
  }
}

TEST(Url, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "a/b",
                           "ftp://a/",
                           "mailto:x@y",
                           "javascript:0",
                           "http://",
                           "http:///",
                           "://a",
                           "http://a b/",
                           "http://a:99999/",
                           "http://a:x/",
                           "http://[::1/",
                           "http://[x]/",
                           "http://256.1.1.1/",
                           "http://1.2.3.4.5/",
                           "http://a%00b/",
                           "http://./",
                           "http://a.1/",
                           "http://a.0x1/",
                           "http://a.0x/",
                           "http://1.2.3.09/",
                           "http://09./",
                           "http://99999999999999999999/",
                           "http://1..2/"}) {
    EXPECT_EQ(Normal(text), "none") << text;
  }
  EXPECT_EQ(Normal("http://a/" + std::string(9000, 'x')), "none");
}

TEST(Url, ResolvesLinks) {
  const Url base = *ParseUrl("https://a.b/c/d?q#f");
  const auto resolve = [&](std::string_view link) {
    const auto url = ResolveUrl(base, link);
    return url.has_value() ? url->Text() : "none";
  };
  EXPECT_EQ(resolve("e"), "https://a.b/c/e");
  EXPECT_EQ(resolve("../e?x"), "https://a.b/e?x");
  EXPECT_EQ(resolve("/e#g"), "https://a.b/e#g");
  EXPECT_EQ(resolve("//h/i"), "https://h/i");
  EXPECT_EQ(resolve("?x"), "https://a.b/c/d?x");
  EXPECT_EQ(resolve("#x"), "https://a.b/c/d?q#x");
  EXPECT_EQ(resolve(""), "https://a.b/c/d?q");
  EXPECT_EQ(resolve("http://X/"), "http://x/");
  EXPECT_EQ(resolve("a:b"), "none");
  EXPECT_EQ(resolve("mailto:a@b"), "none");
}

TEST(Url, EqualPagesHaveEqualKeys) {
  const auto key = [](std::string_view text) { return DedupKey(*ParseUrl(text)); };
  EXPECT_EQ(key("https://www.a.de/x/?utm_source=y&b=2&a=1&fbclid=z#top"), "http://a.de/x?a=1&b=2");
  EXPECT_EQ(key("http://a.de/x?a=1&b=2"), "http://a.de/x?a=1&b=2");
  EXPECT_EQ(key("http://a.de/?&"), "http://a.de");
  EXPECT_NE(key("http://a.de/x?a=1"), key("http://a.de/x?a=2"));
  EXPECT_NE(key("http://a.de:81/"), key("http://a.de/"));
}

TEST(Url, BelongsToWhoRegisteredIt) {
  EXPECT_EQ(RegistrableDomain("a.b.example.co.uk"), "example.co.uk");
  EXPECT_EQ(RegistrableDomain("www.example.com"), "example.com");
  EXPECT_EQ(RegistrableDomain("me.github.io"), "me.github.io");
  EXPECT_EQ(RegistrableDomain("co.uk"), "co.uk");
  EXPECT_EQ(RegistrableDomain("localhost"), "localhost");
  EXPECT_EQ(RegistrableDomain("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(RegistrableDomain("www.host.a1"), "host.a1");
  EXPECT_EQ(RegistrableDomain("[::1]"), "[::1]");
}

}  // namespace
}  // namespace quern::text
