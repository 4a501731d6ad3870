/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Login throttle: who guesses passwords waits, by address and by name, and the right user still
 * gets in from elsewhere. Memory is fixed. Any thread; nothing blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void throttle_start (void);
void throttle_stop (void);

/* Before a password is looked at: 0 to go on, else the seconds to wait. The try is charged to the
 * address and the name at once, so that tries side by side cannot pass together; throttle_succeeded
 * () takes it back. */
unsigned throttle_try (const char *address, const char *name, int64_t now_us);
void throttle_succeeded (const char *address, const char *name, int64_t now_us);
