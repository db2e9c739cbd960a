#include "jobs/text/url_set.h"

#include <gtest/gtest.h>

#include <string>

#include "jobs/text/idn.h"

namespace quern::text {
namespace {

TEST(AsciiHost, WritesOtherScriptsAsTheDnsDoes) {
  const std::pair<const char*, const char*> table[] = {
      {"Example.COM", "example.com"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"bücher.example", "xn--bcher-kva.example"},
      {"BÜCHER.Example", "xn--bcher-kva.example"},
      {"bu\u0308cher.example", "xn--bcher-kva.example"},
      {"straße.de", "xn--strae-oqa.de"},
      {"例え.テスト", "xn--r8jz45g.xn--zckzah"},
      {"例え。テスト", "xn--r8jz45g.xn--zckzah"},
      {"Пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"},
      {"ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"},
      {"", ""},
      {".a..", ".a.."},
  };
  for (const auto& [host, want] : table) EXPECT_EQ(AsciiHost(host), want) << host;
  EXPECT_FALSE(AsciiHost("b\xfc"
                         "cher.example")
                   .has_value());
  EXPECT_FALSE(AsciiHost("\xed\xa0\x80").has_value()) << "half a pair is no letter";
}

bool Holds(const char* entry, const char* url) {
  UrlSet set;
  EXPECT_TRUE(set.Add("a.first.one")) << "so that it is not alone";
  EXPECT_TRUE(set.Add(entry)) << entry;
  EXPECT_TRUE(set.Add("zzz.last.one"));
  set.Seal();
  return set.HoldsAny(KeysOfUrl(*ParseUrl(url)));
}

TEST(UrlSet, HoldsWhatLiesBelowAnEntry) {
  const std::pair<const char*, const char*> held[] = {
      {"example.com", "http://example.com/"},
      {"example.com", "https://www.example.com:8080/a/b?c#d"},
      {"example.com", "http://a.blog.example.com/"},
      {"blog.example.com", "http://a.blog.example.com/"},
      {"example.com/path", "http://example.com/path"},
      {"example.com/path", "http://example.com/path/"},
      {"example.com/path/", "https://www.example.com/path?q=1"},
      {"example.com/path", "http://example.com/path/more/of/it"},
      {"example.com/a/b", "http://example.com/a/b/c"},
      {"example.com/p?id=1", "http://example.com/p/?id=1#top"},
      {"example.com?x", "http://example.com/?x"},
      {"example.com/*", "http://a.example.com/b"},
      {"http://example.com/*", "http://example.com/"},
      {"example.com/a/*", "http://example.com/a/b"},
      {"example.com/*x/y", "http://example.com/*x/y/z"},
      {"com", "http://example.com/"},
      {"192.168.1.1", "http://192.168.1.1/x"},
      {"0xff", "http://0.0.0.255/"},
      {"[::1]", "http://[::1]/"},
  };
  for (const auto& [entry, url] : held) EXPECT_TRUE(Holds(entry, url)) << entry << ' ' << url;
}

TEST(UrlSet, HoldsNothingElse) {
  const std::pair<const char*, const char*> others[] = {
      {"example.com", "http://myexample.com/"},
      {"example.com", "http://example.com.net/"},
      {"example.com", "http://net/example.com"},
      {"blog.example.com", "http://example.com/"},
      {"example.com/path", "http://example.com/pathway"},
      {"example.com/path", "http://example.com/"},
      {"example.com/path", "http://example.com/Path"},
      {"example.com/path", "http://blog.example.com/path"},
      {"example.com/path/*", "http://example.com/pathway"},
      {"example.com/path/*", "http://example.com/"},
      {"example.com/p?id=1", "http://example.com/p?id=12"},
      {"example.com/p?id=1", "http://example.com/p"},
      {"168.1.1.1", "http://192.168.1.1/"},
  };
  for (const auto& [entry, url] : others) EXPECT_FALSE(Holds(entry, url)) << entry << ' ' << url;
  UrlSet nothing;
  nothing.Seal();
  EXPECT_TRUE(nothing.empty());
  EXPECT_FALSE(nothing.HoldsAny(KeysOfUrl(*ParseUrl("http://a.b/c"))));
}

TEST(UrlSet, SpellingMakesNoDifference) {
  for (const char* entry :
       {"example.com", " Example.COM \r", "www.example.com", ".example.com", "example.com.",
        "https://WWW.example.com/", "http://.example.com", "example.com:443", "example.com/#x",
        "ex%61mple.com", "ｅｘample.com"}) {
    EXPECT_TRUE(Holds(entry, "http://a.example.com/b")) << entry;
    EXPECT_TRUE(Holds(entry, "http://www.example.com./b")) << entry;
  }
  for (const char* entry : {"bücher.example", "xn--bcher-kva.example", "XN--BCHER-KVA.example"}) {
    EXPECT_TRUE(Holds(entry, "http://www.b%C3%BCcher.example/")) << entry;
    EXPECT_TRUE(Holds(entry, "http://xn--bcher-kva.example/")) << entry;
    EXPECT_TRUE(Holds(entry, "http://BÜCHER.example/")) << entry;
  }
  EXPECT_TRUE(Holds("example.com/%7euser/ü", "http://example.com/~user/%c3%bc/x"));
}

// "www." is taken from a name of a domain, not from a domain.
TEST(UrlSet, WwwMayBeTheName) {
  EXPECT_FALSE(Holds("www.com", "http://example.com/"));
  EXPECT_TRUE(Holds("www.com", "http://www.com/"));
  EXPECT_FALSE(Holds("www.co.uk", "http://example.co.uk/"));
  EXPECT_TRUE(Holds("www.example.com", "http://other.example.com/"));
}

TEST(UrlSet, RefusesLinesWithoutAHost) {
  UrlSet set;
  for (const std::string line : {"",
                                 " ",
                                 "/path",
                                 "//example.com",
                                 "?q",
                                 "a b",
                                 "bob@example.com",
                                 "http://",
                                 "http:///x",
                                 "ftp://example.com/",
                                 "*.example.com",
                                 "*",
                                 "/*",
                                 "http://*",
                                 "example.com*",
                                 "example.com/a*",
                                 "example.com/?q=*",
                                 "0.0.0.0 example.com",
                                 "0.0.0.0\texample.com",
                                 "example.com\tadult",
                                 "example.com/a\tadult",
                                 "example.com\rexample.org",
                                 "{\"id\": 1}",
                                 "...",
                                 "||example.com^",
                                 "<html>",
                                 "1.2.3.4.5",
                                 "b\xfc"
                                 "cher.example",
                                 "\x1f\x8b\x08",
                                 "a\x01"
                                 "b.com"}) {
    EXPECT_FALSE(set.Add(line)) << line;
  }
  EXPECT_FALSE(set.Add(std::string("a\0b.com", 7)));
  EXPECT_FALSE(set.Add(std::string(9000, 'a') + "/"));
  EXPECT_TRUE(set.empty());
}

}  // namespace
}  // namespace quern::text
