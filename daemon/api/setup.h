/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* First run: while there is no user, a setup token in a file of the owner's lets its reader make
 * the first administrator, for a few minutes after the daemon's start. setup_start () and
 * setup_stop () belong to the main thread. */
#pragma once

#include "daemon/api/api.h"

bool setup_start (const ApiOptions *options, GError **error);
void setup_stop (void);

typedef enum
{
  SETUP_DONE, /* there is an administrator */
  SETUP_OPEN,
  SETUP_OVER, /* the time is over: start the daemon again */
} SetupState;

SetupState setup_get_state (int64_t now_us, int64_t *ret_left_ms);
/* For tests: as if so much time had passed since the start. */
void setup_age (int64_t by_ms);
