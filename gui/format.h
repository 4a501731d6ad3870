/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Values as text for people. Main thread; no state. */
#pragma once

/* An RFC 3339 stamp as local time: the time alone today, with the date before. NULL when it is
 * none. Caller owns. */
char *p2p_format_time (const char *stamp);
