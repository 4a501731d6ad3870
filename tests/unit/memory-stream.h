/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A pair of streams in memory that have no descriptor and ring bells, as Yamux streams do. */
#pragma once

#include "lib/stream.h"

/* Each direction holds at most capacity bytes. */
void memory_stream_pair (size_t capacity, P2pStream **ret_a, P2pStream **ret_b);
