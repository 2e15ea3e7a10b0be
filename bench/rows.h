// SPDX-License-Identifier: GPL-2.0-only
// What is measured. A row is one entry of the table in rows.cpp.
#pragma once

#include <vector>

#include "bench/row.h"

namespace xgre::bench {

const std::vector<Row>& all_rows();

}  // namespace xgre::bench
