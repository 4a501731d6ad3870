/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Idle upstream connections, in a hash table by origin and lane, the last used first; and the total
 * in the order of use, to reap the oldest. All under one lock, which is never held across I/O. */
#include "daemon/proxy/upstream.h"

#include "daemon/agents/agents.h"
#include "lib/stream-tls.h"

#include <glib.h>

#define N_BUCKETS 1024 /* a power of two */

typedef struct Idle Idle;
struct Idle
{
  Idle *newer, *older;   /* (lock) all idle ones, in order of use */
  Idle *next, *prev;     /* (lock) of the same bucket, newest first */
  Upstream up;           /* (owned) */
  int64_t since_us;
};

static struct
{
  P2pMutex lock;
  Idle *buckets[N_BUCKETS]; /* (lock) */
  Idle *newest, *oldest;    /* (lock) */
  Idle *spare;              /* (lock) (owned) nodes for reuse, linked by next */
  unsigned n;               /* (lock) */
} idle;

void
upstreams_setup (void)
{
  p2p_mutex_init (&idle.lock, P2P_LOCK_UPSTREAM);
}

static Idle **
bucket_of (uint64_t origin_key, const P2pPool *lane)
{
  return &idle.buckets[((origin_key ^ (uintptr_t) lane) * UINT64_C (0x9e3779b97f4a7c15)) >> 54];
}

static void
unlink_locked (Idle *node)
{
  p2p_lock_assert_held (&idle.lock);
  *(node->newer ? &node->newer->older : &idle.newest) = node->older;
  *(node->older ? &node->older->newer : &idle.oldest) = node->newer;
  *(node->prev ? &node->prev->next : bucket_of (node->up.origin_key, node->up.lane)) = node->next;
  if (node->next)
    node->next->prev = node->prev;
  idle.n--;
}

static void
link_locked (Idle *node)
{
  Idle **bucket = bucket_of (node->up.origin_key, node->up.lane);

  p2p_lock_assert_held (&idle.lock);
  node->prev = node->newer = NULL;
  node->next = *bucket;
  if (node->next)
    node->next->prev = node;
  *bucket = node;
  node->older = idle.newest;
  *(node->older ? &node->older->newer : &idle.oldest) = node;
  idle.newest = node;
  idle.n++;
}

/* The node's stream moves out, the node becomes spare. */
static Upstream
release_locked (Idle *node)
{
  Upstream up = node->up;

  unlink_locked (node);
  node->next = idle.spare;
  idle.spare = node;
  return up;
}

/* A place among the target's connections, or none. */
static bool
count_connection (const ConfigTarget *target)
{
  unsigned limit = target->max_connections;

  if (atomic_fetch_add_explicit (&target->state->connections, 1, memory_order_relaxed) < limit
      || limit == 0)
    return true;
  atomic_fetch_sub_explicit (&target->state->connections, 1, memory_order_relaxed);
  return false;
}

/* The target's own one of that lane, or NULL and perhaps *other, which another target of the same
 * origin left. */
static Idle *
find_of_lane_locked (const ConfigTarget *target,
                     int64_t agent_id,
                     const P2pPool *lane,
                     Idle **other)
{
  p2p_lock_assert_held (&idle.lock);
  for (Idle *node = *bucket_of (target->origin_key, lane); node; node = node->next)
    {
      if (node->up.origin_key != target->origin_key || node->up.agent_id != agent_id
          || node->up.lane != lane)
        continue;
      if (node->up.counted == target->state)
        return node;
      *other = *other ? *other : node;
    }
  return NULL;
}

/* Of two targets with one origin each may use what the other one left, if it still may have one
 * more. Its own come first, and of those the lane's: another lane's costs two system calls more. */
static Idle *
find_idle_locked (const ConfigTarget *target, int64_t agent_id, const P2pPool *lane)
{
  P2pPool *lanes[P2P_LANES_MAX];
  Idle *other = NULL, *own = find_of_lane_locked (target, agent_id, lane, &other);
  unsigned n = own ? 0 : p2p_lanes_list (proxy.lanes, lanes);

  for (unsigned i = 0; !own && i < n; i++)
    if (lanes[i] != lane)
      own = find_of_lane_locked (target, agent_id, lanes[i], &other);
  if (own)
    return own;
  return other && count_connection (target) ? other : NULL;
}

static bool
take_idle (const ConfigTarget *target, int64_t agent_id, const P2pPool *lane, Upstream *ret_up)
{
  ConfigTargetState *before = NULL;
  Idle *node;

  p2p_mutex_lock (&idle.lock);
  node = find_idle_locked (target, agent_id, lane);
  if (node)
    *ret_up = release_locked (node);
  p2p_mutex_unlock (&idle.lock);
  if (node && ret_up->counted != target->state)
    {
      before = ret_up->counted;
      ret_up->counted = config_target_state_ref (target->state);
    }
  upstream_uncount (before);
  return node != NULL;
}

/* An idle one of the target's that is of no use to this request: to another origin, or through
 * another agent. */
static bool
take_useless (const ConfigTarget *target, Upstream *ret_up)
{
  P2P_LOCKED (&idle.lock);

  for (Idle *node = idle.oldest; node; node = node->newer)
    if (node->up.counted == target->state)
      {
        *ret_up = release_locked (node);
        return true;
      }
  return false;
}

static bool
make_room (const ConfigTarget *target)
{
  Upstream useless;

  while (!count_connection (target))
    {
      if (!take_useless (target, &useless))
        return false;
      upstream_close (&useless);
    }
  return true;
}

/* Nothing may wait on an idle connection: an end, a reset, or bytes that no request asked for.
 * Reading, not polling: a TLS origin's session tickets are no bytes. What the waiter has seen up to
 * now is enough where the request can be sent again. */
static bool
is_quiet (const Request *req, Upstream *up)
{
  char byte;
  size_t n;

  if ((req->head->method_id == P2P_METHOD_GET || req->head->method_id == P2P_METHOD_HEAD)
      && req->head->msg.body == P2P_BODY_NONE && p2p_stream_seems_quiet (up->strm))
    return true;
  return p2p_stream_read (up->strm, &byte, 1, &n, P2P_TRY) == P2P_IO_AGAIN;
}

/* Below it is a tunnel that drains: another request would be cut with it, and an idle connection
 * only holds it up. */
static bool
is_leaving (const Upstream *up)
{
  return up->tunnel && agents_stream_is_leaving (up->tunnel);
}

UpstreamResult
upstream_take (Request *req, int64_t agent_id, bool fresh, Upstream *ret_up)
{
  UpstreamDial dial = { .cfg = req->cfg, .target = req->target, .agent_id = agent_id };
  const P2pPool *lane = req->conn->parked.pool;
  UpstreamResult result;
  Upstream up;

  while (!fresh && take_idle (req->target, agent_id, lane, &up))
    {
      if (!is_leaving (&up) && is_quiet (req, &up))
        {
          up.reused = true;
          up.lane = lane;
          *ret_up = up;
          return UPSTREAM_OK;
        }
      upstream_close (&up);
    }
  if (!make_room (req->target))
    return UPSTREAM_FULL;
  dial.request_id = request_id (req);
  result = upstream_dial (&dial, p2p_deadline_ms (req->target->connect_timeout_ms), ret_up);
  ret_up->lane = lane;
  if (result == UPSTREAM_OK)
    ret_up->counted = config_target_state_ref (req->target->state);
  else
    atomic_fetch_sub_explicit (&req->target->state->connections, 1, memory_order_relaxed);
  return result;
}

void
upstream_keep (Upstream *up)
{
  Upstream oldest = { 0 };
  Idle *node;

  if (proxy.options.upstream_keepalive_max == 0 || is_leaving (up))
    {
      upstream_close (up);
      return;
    }
  if (up->tls)
    p2p_stream_tls_remember (up->strm);
  p2p_mutex_lock (&idle.lock);
  if (idle.n >= proxy.options.upstream_keepalive_max && idle.oldest)
    oldest = release_locked (idle.oldest);
  node = idle.spare;
  if (node)
    idle.spare = node->next;
  else
    node = g_new (Idle, 1); /* once for each place, not for each request */
  node->up = *up;
  node->since_us = p2p_now_us ();
  link_locked (node);
  p2p_mutex_unlock (&idle.lock);
  *up = (Upstream){ 0 };
  if (oldest.strm)
    upstream_close (&oldest);
}

/* The oldest one, if it has been idle since before that time. */
static bool
take_older_than (int64_t before_us, Upstream *ret_up)
{
  P2P_LOCKED (&idle.lock);

  if (!idle.oldest || idle.oldest->since_us >= before_us)
    return false;
  *ret_up = release_locked (idle.oldest);
  return true;
}

static void
close_older_than (int64_t before_us)
{
  Upstream up;

  while (take_older_than (before_us, &up))
    upstream_close (&up);
}

static bool
take_leaving (Upstream *ret_up)
{
  P2P_LOCKED (&idle.lock);

  for (Idle *node = idle.oldest; node; node = node->newer)
    if (is_leaving (&node->up))
      {
        *ret_up = release_locked (node);
        return true;
      }
  return false;
}

void
upstreams_reap (void)
{
  Upstream up;

  close_older_than (p2p_now_us () - proxy.options.upstream_keepalive_idle_ms * 1000);
  while (take_leaving (&up))
    upstream_close (&up);
}

void
upstreams_teardown (void)
{
  close_older_than (INT64_MAX);
  while (idle.spare)
    {
      Idle *next = idle.spare->next;

      g_free (idle.spare);
      idle.spare = next;
    }
  p2p_mutex_done (&idle.lock);
}
