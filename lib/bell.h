/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Bell: what a stream without a descriptor of its own (a Yamux stream) rings when somebody waits
 * for it. Two kinds exist: the waker, an eventfd that each waiting thread owns, and the place of a
 * parked object in its pool. ring () is called under the ringing stream's lock, from any thread,
 * never blocks, and may be called more than once. Disarming (under the same lock) makes sure that
 * no ring comes later. */
#pragma once

typedef struct P2pBell P2pBell;
struct P2pBell
{
  void (*ring) (P2pBell *bell);
};
