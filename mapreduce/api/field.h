// What Emit takes as key or value: any text, or a number, which is written as decimal text.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace quern {

template <typename T>
concept EmittableNumber = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool> &&
                          !std::same_as<T, char>;

// Lives for the length of one call; a view of the caller's bytes, or the digits themselves.
class Field {
 public:
  // Anything that is a string_view: literals, std::string, the views of the input.
  template <typename T>
  requires std::convertible_to<const T&, std::string_view> Field(const T& text) : bytes_(text) {}

  // Emit("x", 0) is the number, not a null pointer. Doubles are written so that they read back
  // equal.
  template <EmittableNumber T>
  Field(T number)
      : bytes_(digits_,
               static_cast<size_t>(std::to_chars(digits_, digits_ + sizeof(digits_), number).ptr -
                                   digits_)) {}

  Field(std::nullptr_t) = delete;
  // A truth value or a single character could be meant as text or as a number: say which.
  Field(bool) = delete;
  Field(char) = delete;
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;

  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
  char digits_[32];
};

}  // namespace quern
