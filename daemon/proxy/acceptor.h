/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Accepting connections of one listener. Called by the acceptor's thread alone; does not block but
 * for the pause. */
#pragma once

#include "daemon/proxy/proxy-priv.h"

/* Takes what waits, a batch at most. Beyond the limits plain HTTP gets a fixed 503 and TLS is
 * closed before the handshake, so that a full house still answers. Only a lack of descriptors or
 * memory makes it pause, for 100 ms. */
void acceptor_accept (int listen_fd, ListenerRef *listener);
