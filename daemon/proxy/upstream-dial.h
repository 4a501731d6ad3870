/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* New connections to origins: direct or through an agent, TLS on top of either. */
#pragma once

#include "daemon/proxy/upstream.h"

/* Blocks to the deadline at most. */
UpstreamResult upstream_dial (Request *req, int64_t deadline_us, Upstream *ret_up);
