/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* File descriptors: close once, close by scope. Descriptors are CLOEXEC from birth. Any thread. */
#pragma once

/* Closes *fd unless it is negative, sets it to -1 and keeps errno. */
void p2p_fd_close (int *fd);

/* At a program's start: as many descriptors as the system allows it, since the usual limit of 1024
 * is there for select () alone, which nobody here calls. What cannot be raised stays. */
void p2p_fd_raise_limit (void);

#define p2p_autofd __attribute__ ((cleanup (p2p_fd_close), unused)) int
