/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Lanes: pools of one kind of work side by side, one for each processor, as far as the threads go. A
 * connection stays in the lane that it was given, so its events and tasks meet no lock and wake no
 * thread of another's: on busy processors a lane is one thread that goes round between epoll and
 * its connections, and it gets more only when tasks block.
 *
 * One thread makes, stops and frees; any thread may pick. */
#pragma once

#include "lib/pool.h"

#define P2P_LANES_MAX 8
#define P2P_LANE_THREADS 8 /* a lane may have so many at least, or there are fewer lanes */

typedef struct P2pLanes P2pLanes;

/* The options are of all lanes together: each gets its share of the threads, one of threads_min at
 * least, and of the queue. NULL sets error. */
P2pLanes *p2p_lanes_new (const P2pPoolOptions *options, GError **error);

/* For a new connection: the next one in turn that is not full; NULL when all are, see
 * p2p_pool_is_full (). Does not block. */
P2pPool *p2p_lanes_pick (P2pLanes *lanes);

/* Copies the lanes (borrowed) to pools; how many there are. */
unsigned p2p_lanes_list (P2pLanes *lanes, P2pPool *pools[P2P_LANES_MAX]);

/* p2p_pool_stop () of all at once, under one deadline. */
bool p2p_lanes_stop (P2pLanes *lanes, int64_t deadline_us);
/* Joins the threads: after p2p_lanes_stop () answered true. Accepts NULL. */
void p2p_lanes_free (P2pLanes *lanes);
