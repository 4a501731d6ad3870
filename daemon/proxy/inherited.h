/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Listening sockets that the service manager opened and passed on (sd_listen_fds(3), without
 * libsystemd): ports below 1024 without a right to bind them, and none refused while the daemon
 * starts again. The manager holds each as well, so that closing one frees no port: one that no
 * listener uses is put to rest instead. Entered by the acceptor's thread, and by who starts and
 * ends the room while that does not run; no lock. */
#pragma once

#include <stdint.h>

/* Reads the environment. A socket that is no listening one is told in the log and left alone. */
void inherited_start (void);

/* The socket of that address and port, listening; the same words as in p2p_listen (). -1: there is
 * none, or it is taken. */
int inherited_borrow (const char *bind_address, uint16_t port, uint16_t *ret_port);
/* Connections are refused from now on (those of a Unix socket wait: it can't be put to rest). */
void inherited_give_back (int fd);

/* Tells in the log which ones no listener uses. */
void inherited_report (void);

/* Closes all, as they came: what connects now waits for the next start. */
void inherited_stop (void);
