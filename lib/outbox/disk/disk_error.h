#pragma once

#include <string>

#include "core/result.h"

namespace flowmyna {

/// Whether a write that fails with this errno would go well once there is room: the disk is full,
/// or its inodes are used up (ENOSPC), a user's quota is (EDQUOT), or the file may not grow (EFBIG:
/// `ulimit -f`, the 4 GiB of a vfat).
bool is_want_of_room(int code);

/// What to do about that: "make room on the disk".
const char* advice_for_want_of_room(int code);

/// The kernel refused to `what` ("open /x"), and errno says why: kFull for lack of room, else kIo.
tl::unexpected<Error> disk_error(const std::string& what);

}  // namespace flowmyna
