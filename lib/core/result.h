#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace flowmyna {

/// Why an operation of ours failed. Errors of operation are values; `kind` is for the caller's
/// branching, `message` is for the operator and ends in what can be done about it.
struct Error {
  enum class Kind {
    kInvalid,      ///< the input is wrong; repeating it changes nothing
    kTooLarge,     ///< there will never be room for so much at once; less may fit
    kFull,         ///< disk full or quota reached; works again once space is free
    kIo,           ///< the disk or the descriptor failed; may work later
    kCorrupt,      ///< stored data is damaged
    kBusy,         ///< somebody else holds it
    kUnsupported,  ///< written by a newer version of this program
    kStopping,     ///< this process is on its way out
    kUnreachable,  ///< no connection to the other side
  };
  Kind kind;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Called once, with what came of what was asked for.
template <class T>
using Done = std::function<void(Result<T>)>;

inline tl::unexpected<Error> fail(Error::Kind kind, std::string message) {
  return tl::make_unexpected(Error{kind, std::move(message)});
}

}  // namespace flowmyna
