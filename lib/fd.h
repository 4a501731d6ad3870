/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* File descriptors: close once, close by scope. Descriptors are CLOEXEC from birth. Any thread. */
#pragma once

/* Closes *fd unless it is negative, sets it to -1 and keeps errno. */
void p2p_fd_close (int *fd);

#define p2p_autofd __attribute__ ((cleanup (p2p_fd_close), unused)) int
