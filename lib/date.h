/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The Date field's value (RFC 9110 section 5.6.7), 29 characters, made once a second for each
 * thread. Any thread. */
#pragma once

#include "lib/span.h"

P2pSpan p2p_date_now (void);
