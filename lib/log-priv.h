/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the log share: from a message and its pairs to one line. Any thread, no state.
 */
#pragma once

#include "lib/log.h"

typedef struct
{
  P2pLogForm form;
  bool journal; /* journald reads the output: it adds the time itself, "<N>" is the priority */
  int64_t wall_ms;
  P2pLogLevel level;
  const char *area;         /* (borrowed: caller) */
  const char *message;      /* (borrowed: caller) */
  const char *const *pairs; /* (borrowed: caller) (nullable) key, value, ..., NULL */
} P2pLogLine;

/* One line with its newline; g_free (). */
char *p2p_log_line_format (const P2pLogLine *line);
