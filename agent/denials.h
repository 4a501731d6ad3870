/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Destinations that were refused: all of them counted, a few a minute written to the log, so that
 * who tries a thousand doors does not fill the disk. Any thread; nothing blocks. */
#pragma once

#include "lib/tunnel.h"

#include <stdint.h>

#define DENIALS_LINES 20 /* in a minute */
#define DENIALS_WINDOW_MS 60000

void denials_setup (void);
void denials_teardown (void);

/* why: static, of judge_and_connect (). */
void denials_note (const P2pTunnelOpen *open, const char *why);
/* Says how many were left out of a minute that is over. Now and then, by the main thread. */
void denials_tell_rest (void);
/* Since the start. */
uint64_t denials_count (void);

/* --- The limit alone, for tests --------------------------------------------------------------- */

typedef struct
{
  int64_t until_us; /* 0: no minute has begun */
  unsigned n_lines, n_left_out;
} DenialsWindow;

/* Whether a line may be written now. */
bool denials_window_take (DenialsWindow *window, int64_t now_us);
/* Ends a minute that is over; how many it left out. */
unsigned denials_window_end (DenialsWindow *window, int64_t now_us);
