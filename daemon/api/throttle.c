/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Login throttle. Three tables of fixed size: tries by address, by name, and by both together.
 *
 * An address has BURST tries, then one a REFILL. A name that saw HOT tries lately is under attack:
 * from then on each address has one try a minute for it, and all strangers together STRANGERS a
 * minute; addresses from which the name signed in before are not strangers. So one address cannot
 * guess on, many addresses together are slow, and the person who knows the password gets in: at
 * once from where they were before, at the first try from elsewhere. A cell that must make place is
 * the one that was idle longest of its row; the hash is keyed, so nobody can choose whose. */
#include "daemon/api/throttle.h"

#include "lib/lock.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>
#include <sys/random.h>

#define SECOND_US INT64_C (1000000)
#define BURST 10
#define REFILL_US (30 * SECOND_US)
#define HOT 15
#define HOT_REFILL_US (60 * SECOND_US)
#define PAIR_REFILL_US (60 * SECOND_US)
#define STRANGERS 30
#define STRANGERS_REFILL_US (2 * SECOND_US)

#define ROWS 512
#define WAYS 8

/* A bucket in the form of one time: full at tat_us <= now; each try adds one refill. */
typedef struct
{
  uint64_t key; /* 0: free */
  int64_t used_us;
  int64_t tat_us;
  int64_t strangers_tat_us; /* names only */
  bool known;               /* pairs only: this name signed in from this address */
} Cell;

typedef struct
{
  Cell cells[ROWS][WAYS];
} Table;

static struct
{
  P2pMutex lock;
  uint64_t secret[2];                /* constant after start */
  Table *addresses, *names, *pairs; /* (owned) (lock) */
} throttle;

void
throttle_start (void)
{
  p2p_mutex_init (&throttle.lock, P2P_LOCK_AUTH);
  while (getrandom (throttle.secret, sizeof throttle.secret, 0) != sizeof throttle.secret)
    ; /* only a signal can interrupt so few bytes */
  throttle.addresses = g_new0 (Table, 1);
  throttle.names = g_new0 (Table, 1);
  throttle.pairs = g_new0 (Table, 1);
}

void
throttle_stop (void)
{
  g_clear_pointer (&throttle.addresses, g_free);
  g_clear_pointer (&throttle.names, g_free);
  g_clear_pointer (&throttle.pairs, g_free);
  p2p_mutex_done (&throttle.lock);
}

/* A keyed mix (two rounds of multiply and fold over each byte): good enough that a stranger who
 * sees only time-outs cannot aim at a cell. */
static uint64_t
mix (uint64_t hash, const void *data, size_t n)
{
  const unsigned char *bytes = data;

  for (size_t i = 0; i < n; i++)
    {
      hash = (hash ^ bytes[i] ^ throttle.secret[1]) * UINT64_C (0x9e3779b97f4a7c15);
      hash ^= hash >> 29;
    }
  return hash | 1; /* never 0 */
}

/* IPv4 as it is, IPv6 by its /64: who has one address of it has them all. */
static uint64_t
address_key (const char *address)
{
  struct in6_addr v6;

  if (inet_pton (AF_INET6, address, &v6) == 1)
    return mix (throttle.secret[0] ^ 6, &v6, IN6_IS_ADDR_V4MAPPED (&v6) ? sizeof v6 : 8);
  return mix (throttle.secret[0] ^ 4, address, strlen (address));
}

static Cell *
find_locked (Table *table, uint64_t key, int64_t now_us)
{
  Cell *row = table->cells[(key >> 32) % ROWS];
  Cell *victim = &row[0];

  for (int i = 0; i < WAYS; i++)
    {
      if (row[i].key == key)
        {
          row[i].used_us = now_us;
          return &row[i];
        }
      if (row[i].key == 0 || row[i].used_us < victim->used_us)
        victim = &row[i];
    }
  *victim = (Cell){ .key = key, .used_us = now_us };
  return victim;
}

/* How long until a bucket of so many tries has one; 0: now. */
static int64_t
bucket_wait (int64_t tat_us, unsigned burst, int64_t refill_us, int64_t now_us)
{
  int64_t allowed_at_us = tat_us - (int64_t) (burst - 1) * refill_us;

  return MAX (0, allowed_at_us - now_us);
}

static void
bucket_take (int64_t *tat_us, int64_t refill_us, int64_t now_us)
{
  *tat_us = MAX (*tat_us, now_us) + refill_us;
}

unsigned
throttle_try (const char *address, const char *name, int64_t now_us)
{
  uint64_t address_id = address_key (address);
  uint64_t name_id = mix (throttle.secret[0] ^ 'n', name, strlen (name));
  uint64_t pair_id = mix (name_id, &address_id, sizeof address_id);
  Cell *by_address, *by_name, *by_pair;
  int64_t wait_us;
  bool hot;

  P2P_LOCKED (&throttle.lock);
  by_address = find_locked (throttle.addresses, address_id, now_us);
  by_name = find_locked (throttle.names, name_id, now_us);
  by_pair = find_locked (throttle.pairs, pair_id, now_us);

  hot = bucket_wait (by_name->tat_us, HOT, HOT_REFILL_US, now_us) > 0;
  wait_us = bucket_wait (by_address->tat_us, BURST, REFILL_US, now_us);
  if (hot && !by_pair->known)
    {
      wait_us = MAX (wait_us, bucket_wait (by_pair->tat_us, 1, PAIR_REFILL_US, now_us));
      wait_us = MAX (wait_us, bucket_wait (by_name->strangers_tat_us, STRANGERS,
                                           STRANGERS_REFILL_US, now_us));
    }
  if (wait_us > 0)
    return (unsigned) ((wait_us + SECOND_US - 1) / SECOND_US);

  bucket_take (&by_address->tat_us, REFILL_US, now_us);
  bucket_take (&by_pair->tat_us, PAIR_REFILL_US, now_us);
  if (hot && !by_pair->known)
    bucket_take (&by_name->strangers_tat_us, STRANGERS_REFILL_US, now_us);
  /* No further than hot: an attack's end is seen HOT_REFILL later, however long it was. */
  if (!hot)
    bucket_take (&by_name->tat_us, HOT_REFILL_US, now_us);
  return 0;
}

void
throttle_succeeded (const char *address, const char *name, int64_t now_us)
{
  uint64_t address_id = address_key (address);
  uint64_t name_id = mix (throttle.secret[0] ^ 'n', name, strlen (name));
  Cell *by_address, *by_name, *by_pair;

  P2P_LOCKED (&throttle.lock);
  by_address = find_locked (throttle.addresses, address_id, now_us);
  by_name = find_locked (throttle.names, name_id, now_us);
  by_pair = find_locked (throttle.pairs, mix (name_id, &address_id, sizeof address_id), now_us);
  /* Only this try is given back: a user with a good password of their own cannot wash an address
   * clean. */
  by_address->tat_us -= REFILL_US;
  by_name->tat_us -= HOT_REFILL_US;
  by_pair->tat_us = 0;
  by_pair->known = true;
}
