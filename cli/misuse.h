// SPDX-License-Identifier: GPL-2.0-only
// A command line that cannot be read: exit 2, where everything else that fails exits 1.
#pragma once

#include "xgre/error.h"

namespace xgre::cli {

class Misuse : public Error {
public:
    using Error::Error;
};

}  // namespace xgre::cli
