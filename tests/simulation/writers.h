#pragma once

#include <functional>
#include <set>
#include <vector>

#include "chance.h"
#include "core/outbox.h"
#include "event_queue.h"
#include "model_operation.h"

namespace flowmyna::simulation {

struct WriterOptions {
  std::size_t operations = 200;
  std::size_t writers = 2;
  std::size_t batch_max = 10;
  std::chrono::milliseconds pause{60'000};  ///< between two batches of one writer, on average
  std::size_t types = 2;
  std::size_t objects = 6;  ///< few, so that operations meet
  double event_share = 0.3;
  double inline_share = 0.3;  ///< of the objects of an event
  double bad_share = 0;
  double waiting_share = 0;  ///< of the batches: the writer waits for delivery
  std::chrono::milliseconds wait_max{60'000};
  double own_time_share = 0.3;  ///< of the events
  double large_share = 0;       ///< of the upserts: a property of its own that is large
};

/// Applications that write operations at random times, whatever becomes of them.
class Writers {
 public:
  using Write = std::function<void(std::vector<ModelOperation>)>;

  /// `write` gives operations to whatever process runs; there may be none.
  Writers(WriterOptions options, EventQueue& queue, Chance& chance, Write write);

  /// How an object is called, by its number.
  static std::string name_of(const WriterOptions& options, std::size_t object);
  void stop() { is_stopped_ = true; }
  /// An upsert of an object that nobody else knows, and an event on it.
  std::vector<ModelOperation> make_witnesses();
  bool are_done() const { return is_stopped_ || made_ >= options_.operations; }

 private:
  void go_on();
  ModelOperation make();
  void make_upsert(ModelOperation& operation);
  void make_event(ModelOperation& operation);
  ModelOperation::Target make_target();
  Properties make_properties(std::size_t count);

  WriterOptions options_;
  EventQueue& queue_;
  Chance& chance_;
  Write write_;
  std::size_t made_ = 0;
  bool is_stopped_ = false;
};

}  // namespace flowmyna::simulation
