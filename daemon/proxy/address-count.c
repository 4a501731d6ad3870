/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Hash tables of addresses, several so that workers which close connections seldom meet at one
 * lock. The hash has a secret of this process: nobody can choose addresses that collide. */
#include "daemon/proxy/address-count.h"

#include "lib/lock.h"

#include <glib.h>
#include <gnutls/crypto.h>
#include <netinet/in.h>

#define N_SHARDS 16 /* a power of two */

typedef struct
{
  P2pMutex lock;
  GHashTable *counts; /* (owned) (lock) set of AddressCount (owned) */
} Shard;

struct AddressCount
{
  uint64_t address[2]; /* constant; as P2pCidr has it, zero behind what counts */
  Shard *shard;        /* (borrowed) */
  unsigned n;          /* (lock: shard) */
};

static Shard shards[N_SHARDS];
static uint64_t secret[2]; /* odd */

static uint64_t
mix (const uint64_t address[2])
{
  uint64_t hash = (address[0] ^ secret[1]) * secret[0];

  hash = ((hash ^ hash >> 32) + address[1]) * secret[1];
  return hash ^ hash >> 32;
}

static unsigned
hash_cb (const void *p)
{
  return (unsigned) mix (((const AddressCount *) p)->address);
}

static gboolean
equal_cb (const void *a, const void *b)
{
  return memcmp (((const AddressCount *) a)->address, ((const AddressCount *) b)->address,
                 sizeof ((AddressCount *) NULL)->address)
         == 0;
}

void
address_counts_setup (void)
{
  gnutls_rnd (GNUTLS_RND_NONCE, secret, sizeof secret);
  secret[0] |= 1;
  secret[1] |= 1;
  for (unsigned i = 0; i < N_SHARDS; i++)
    {
      p2p_mutex_init (&shards[i].lock, P2P_LOCK_LEAF);
      shards[i].counts = g_hash_table_new_full (hash_cb, equal_cb, g_free, NULL);
    }
}

void
address_counts_teardown (void)
{
  for (unsigned i = 0; i < N_SHARDS; i++)
    {
      g_assert (g_hash_table_size (shards[i].counts) == 0);
      g_clear_pointer (&shards[i].counts, g_hash_table_unref);
      p2p_mutex_done (&shards[i].lock);
    }
}

/* False: it has none. */
static bool
get_address (const struct sockaddr *peer, uint64_t ret_address[2])
{
  const struct sockaddr_in6 *in6 = (const void *) peer;
  uint8_t bytes[16] = { [10] = 0xff, [11] = 0xff };

  if (peer->sa_family == AF_INET)
    memcpy (bytes + 12, &((const struct sockaddr_in *) peer)->sin_addr, 4);
  else if (peer->sa_family != AF_INET6)
    return false;
  else
    memcpy (bytes, &in6->sin6_addr, IN6_IS_ADDR_V4MAPPED (&in6->sin6_addr) ? 16 : 8);
  if (peer->sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED (&in6->sin6_addr))
    memset (bytes + 8, 0, 8);
  memcpy (ret_address, bytes, sizeof bytes);
  return true;
}

AddressCount *
address_count_enter (const struct sockaddr *peer, unsigned *ret_n)
{
  AddressCount wanted = { .n = 0 }, *count;

  *ret_n = 0;
  if (!get_address (peer, wanted.address))
    return NULL;
  wanted.shard = &shards[mix (wanted.address) >> 40 & (N_SHARDS - 1)];

  P2P_LOCKED (&wanted.shard->lock);
  count = g_hash_table_lookup (wanted.shard->counts, &wanted);
  if (!count)
    {
      count = g_memdup2 (&wanted, sizeof wanted);
      (void) g_hash_table_add (wanted.shard->counts, count); /* it is not there */
    }
  *ret_n = ++count->n;
  return count;
}

void
address_count_leave (AddressCount *count)
{
  if (!count)
    return;

  P2P_LOCKED (&count->shard->lock);
  if (--count->n == 0)
    (void) g_hash_table_remove (count->shard->counts, count); /* frees it */
}
