#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/patch.h"

namespace flowmyna {

/// Brings the properties of objects, one object after the other, into their stored form while they
/// are read. Of two with one name the later one counts, at the place of the earlier, as in a Patch;
/// but a patch is only made where that happens, or where there are many.
class PropertiesEncoder {
 public:
  /// Where the properties of one object lie.
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  /// Forgets all objects.
  void clear();

  /// Also allowed when the previous object was not ended.
  void begin_object();
  /// `name` as in a Property. Both must stay until the object has ended.
  void set(std::string_view name, std::string_view value);
  Range end_object();

  /// Valid until the next object begins.
  PropertiesView operator[](const Range& range) const;

 private:
  void append(std::string_view name, std::string_view value);
  bool has(std::string_view name) const;
  void gather();
  void end_gathering();

  std::vector<char> bytes_;  // written up to size_
  std::size_t size_ = 0;
  // The object that is being read.
  std::size_t begin_ = 0;
  std::size_t count_ = 0;
  NameMarks marks_;
  bool is_gathered_ = false;  // then it is in patch_, which points into gathered_ too
  std::string gathered_;
  Patch patch_;
};

}  // namespace flowmyna
