/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Workspace: the fixed buffers that a worker borrows while it has a request. Kept on a free list
 * (guarded by its own lock), the last one given back first, so that it is warm in the caches. Any
 * thread. */
#pragma once

#include "lib/http1.h"

#define WORKSPACE_HEAD_MAX ((size_t) 32 * 1024) /* of one message head: 431 or 502 beyond */
#define WORKSPACE_BODY_MIN ((size_t) 256 * 1024)
/* A head that we write: what was read, and what we add to it. */
#define WORKSPACE_OUT_SIZE (WORKSPACE_HEAD_MAX + 8 * 1024)
#define WORKSPACE_TRAILERS_SIZE ((size_t) 8 * 1024)
#define WORKSPACE_FLIGHT_SIZE 2048

#define WORKSPACE_CHAIN_SIZE 768 /* sixteen proxies, or a few more */

typedef struct Workspace Workspace;
struct Workspace
{
  Workspace *next; /* (free list) */
  _Alignas (16) char flight[WORKSPACE_FLIGHT_SIZE]; /* a Flight: the request, wherever it runs */
  P2pRequestHead req;
  P2pResponseHead resp;
  char out_up[WORKSPACE_OUT_SIZE];   /* the head that goes to the origin */
  char out_down[WORKSPACE_OUT_SIZE]; /* the head that goes to the client */
  char chain[WORKSPACE_CHAIN_SIZE];   /* addresses before the peer's, for X-Forwarded-For */
  char trailers_up[WORKSPACE_TRAILERS_SIZE];
  char trailers_down[WORKSPACE_TRAILERS_SIZE];
  char in[WORKSPACE_HEAD_MAX
          + WORKSPACE_BODY_MIN]; /* from the client: head, then body or what is pipelined */
  char back[WORKSPACE_HEAD_MAX + WORKSPACE_BODY_MIN]; /* from the origin, likewise */
};

void workspace_setup (void);
void workspace_teardown (void);

Workspace *workspace_take (void);
void workspace_give (Workspace *ws);

/* Gives back to the system what was not needed since the last call. */
void workspaces_reap (void);
