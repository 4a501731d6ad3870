/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Lots: numbers for a fair share of requests, not for secrets. Any thread; each draws from a row of
 * its own, without a lock. */
#pragma once

#include <stdint.h>

/* Below n, which is not 0. */
uint64_t p2p_draw (uint64_t n);
