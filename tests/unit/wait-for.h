/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Waiting for what another thread does and nobody tells. Any thread. */
#pragma once

#include "lib/clock.h"

#include <glib.h>

/* Far more than anything here takes, so that a hang fails. */
#define PATIENCE_MS 20000

/* Polls a condition to a deadline. */
#define WAIT_FOR(condition)                                                                        \
  do                                                                                               \
    {                                                                                              \
      int64_t wait_until_us = p2p_deadline_ms (PATIENCE_MS);                                       \
      while (!(condition) && p2p_now_us () < wait_until_us)                                        \
        g_usleep (100);                                                                            \
      g_assert_true (condition);                                                                   \
    }                                                                                              \
  while (0)
