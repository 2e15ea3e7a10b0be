// SPDX-License-Identifier: GPL-2.0-only
// What is wrong with a Config, told by the places of its file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "loader/config_toml.h"
#include "xgre/config.h"
#include "xgre/error.h"

namespace xgre {

class Problems {
public:
    explicit Problems(const Config& config) : config_{config} {}

    // Of an entry, and of one of its fields where one is named.
    void add(const std::string& noun, const std::string& name, const std::string& field,
             const std::string& cause, const std::string& way_out) {
        const std::string object = noun + " " + name + (field.empty() ? "" : ": " + field);
        list_.push_back({place_of(noun + " " + name, field), object, cause, way_out});
    }
    // What a check said.
    void add(const std::string& noun, const std::string& name, const std::string& field,
             const Error& error) {
        list_.push_back(
            {place_of(noun + " " + name, field), error.object(), error.cause(), error.way_out()});
    }
    // Calls `check`, and adds what it throws.
    template <typename Check>
    void take(const std::string& noun, const std::string& name, const std::string& field,
              const Check& check) {
        try {
            check();
        } catch (const Error& error) {
            add(noun, name, field, error);
        }
    }
    std::vector<Problem>& list() { return list_; }

    // Throws BadConfig when there are any.
    void finish();

private:
    Place place_of(const std::string& entry, const std::string& field) const {
        auto found = config_.places.find({entry, field});
        if (found == config_.places.end()) found = config_.places.find({entry, ""});
        return found == config_.places.end() ? Place{} : found->second;
    }

    const Config& config_;
    std::vector<Problem> list_;
};

// All that can be seen without a host: names that are not there, values that exclude each other.
void check_alone(const Config& config, Problems& problems);

// More than there is room for: part of that.
void check_limits(const Config& config, Problems& problems);

}  // namespace xgre
