// SPDX-License-Identifier: GPL-2.0-only
// Undoing the done steps of a change that did not get to its end.
#pragma once

#include <exception>
#include <functional>
#include <utility>
#include <vector>

namespace xgre {

// A change of several kernel objects adds, after each step it has done, how to undo that step,
// and calls commit() after the last. Destroyed before commit(), it undoes the steps, the last
// one first. A step that cannot be undone does not keep the others from being undone: its
// exception goes to `report`, and never leaves the destructor.
class Undo {
public:
    using Report = std::function<void(const std::exception&)>;

    Undo() = default;
    // `report` must not throw.
    explicit Undo(Report report) : report_{std::move(report)} {}
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    ~Undo() {
        for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
            try {
                (*step)();
            } catch (const std::exception& error) {
                if (report_) report_(error);
            }
        }
    }

    // `step` runs at destruction at the latest: what it refers to must outlive this object.
    void add(std::function<void()> step) { steps_.push_back(std::move(step)); }

    // Everything is done: nothing is undone any more.
    void commit() noexcept { steps_.clear(); }

private:
    Report report_;
    std::vector<std::function<void()>> steps_;
};

}  // namespace xgre
