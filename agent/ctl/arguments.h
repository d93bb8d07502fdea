#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "flowmyna/client.h"

namespace flowmyna::ctl {

/// An argument that was understood, or what is wrong with it.
template <class T>
using Parsed = tl::expected<T, std::string>;

/// The rules below, for --help.
extern const char* const kPropertyHelp;

/// `name=value`: the value is taken as JSON when it is JSON, digit for digit, else as a string.
/// `name:=value`: the value must be JSON. The first `=` ends the name.
Parsed<client::Property> parse_property(std::string_view argument);
Parsed<client::Properties> parse_properties(const std::vector<std::string>& arguments);

/// `TYPE:ID`: the first colon ends the type, so an id may hold colons.
Parsed<client::EventObject> parse_object(std::string_view argument);

/// `TYPE:ID=QUALIFIER` applied to the object of that name; the last `=` ends the id.
Parsed<void> apply_qualifier(std::string_view argument, std::vector<client::EventObject>& objects);

/// Empty for a number from 1 on, else what is wrong, in the form that CLI11 expects.
std::string objection_to_receipt(const std::string& argument);

/// Percent-encodes all but RFC 3986's unreserved characters.
std::string url_encode(std::string_view text);

}  // namespace flowmyna::ctl
