// The plot: two panels over the number of connections, both axes logarithmic. Written by hand, so
// that the benchmark needs no plotting program.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bench/report.h"

namespace flowmyna::bench {
namespace {

struct Series {
  const char* who;
  const char* label;
  const char* colour;
};
constexpr Series kSeries[] = {{"ceiling", "bare ceiling", "#888888"},
                              {"redis", "redis, appendfsync always", "#c8553d"},
                              {"python", "Python outbox", "#b59f3b"},
                              {"agent", "flowmyna-agent", "#1f6fb4"}};

constexpr double kWidth = 420;
constexpr double kHeight = 260;
constexpr double kLeft = 70;
constexpr double kTop = 40;
constexpr double kGap = 90;

std::string text(double x, double y, const char* anchor, const std::string& content) {
  char out[256];
  std::snprintf(out, sizeof out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y,
                anchor, content.c_str());
  return out;
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  char out[256];
  std::snprintf(out, sizeof out,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1,
                x2, y2, colour);
  return out;
}

/// One figure of all series over the connections.
class Panel {
 public:
  Panel(const Figures& figures, const std::vector<unsigned>& connections, double left)
      : figures_(figures), connections_(connections), left_(left) {}

  std::string draw(const std::string& title, const std::string& unit, const char* dashed_unit) {
    fit({unit, dashed_unit});
    std::string out = text(left_ + kWidth / 2, kTop - 14, "middle", title);
    for (double tick = lowest_; tick <= highest_ * 1.001; tick *= 10) {
      char label[32];
      std::snprintf(label, sizeof label, "%g", tick);
      out += line(left_, y(tick), left_ + kWidth, y(tick), "#dddddd");
      out += text(left_ - 6, y(tick) + 4, "end", label);
    }
    for (const unsigned count : connections_) {
      out += text(x(count), kTop + kHeight + 18, "middle", std::to_string(count));
    }
    out += text(left_ + kWidth / 2, kTop + kHeight + 38, "middle", "connections");
    for (const Series& series : kSeries) {
      out += curve(series, unit, "");
      if (*dashed_unit != '\0') out += curve(series, dashed_unit, " stroke-dasharray=\"5 4\"");
    }
    return out;
  }

 private:
  std::optional<double> value(const Series& series, unsigned count, const std::string& unit) const {
    return figures_.median(std::string("writers.") + series.who + "." + std::to_string(count) +
                           "." + unit);
  }

  /// The powers of ten around everything that is to be seen.
  void fit(const std::vector<std::string>& units) {
    double least = 1e300;
    double most = 0;
    for (const std::string& unit : units) {
      for (const Series& series : kSeries) {
        for (const unsigned count : connections_) {
          const auto here = value(series, count, unit);
          if (!here || *here <= 0) continue;
          least = std::min(least, *here);
          most = std::max(most, *here);
        }
      }
    }
    if (most == 0) least = most = 1;
    lowest_ = std::pow(10, std::floor(std::log10(least)));
    highest_ = std::max(lowest_ * 10, std::pow(10, std::ceil(std::log10(most))));
  }

  double x(double connections) const {
    const double end = std::max(std::log(static_cast<double>(connections_.back())), 1.0);
    return left_ + std::log(connections) / end * kWidth;
  }
  double y(double at) const {
    return kTop + kHeight - std::log(at / lowest_) / std::log(highest_ / lowest_) * kHeight;
  }

  std::string curve(const Series& series, const std::string& unit, const char* style) const {
    std::string points;
    for (const unsigned count : connections_) {
      const auto here = value(series, count, unit);
      if (!here || *here <= 0) continue;
      char point[64];
      std::snprintf(point, sizeof point, "%.1f,%.1f ", x(count), y(*here));
      points += point;
    }
    return "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + std::string(series.colour) +
           "\"" + style + " points=\"" + points + "\"/>\n";
  }

  const Figures& figures_;
  const std::vector<unsigned>& connections_;
  double left_;
  double lowest_ = 1;
  double highest_ = 10;
};

}  // namespace

std::string svg_plot(const Figures& figures, const Circumstances& circumstances) {
  const auto& connections = circumstances.sizes.connections;
  const double right = kLeft + kWidth + kGap;
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1020 410\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  out +=
      Panel(figures, connections, kLeft).draw("durable answers per second", "operations_per_s", "");
  out += Panel(figures, connections, right)
             .draw("latency, ms: p50, and p99 dashed", "p50_ms", "p99_ms");
  double at = kLeft;
  for (const Series& series : kSeries) {
    out += "<g stroke-width=\"3\">" + line(at, 370, at + 24, 370, series.colour) + "</g>";
    out += text(at + 30, 374, "start", series.label);
    at += 220;
  }
  out += text(kLeft, 398, "start", circumstances.date + ", " + circumstances.machine);
  return out + "</svg>\n";
}

}  // namespace flowmyna::bench
