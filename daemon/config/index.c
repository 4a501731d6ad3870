/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Look-ups of one listener: routes by host and path, certificates by SNI. A host costs one hash
 * look-up and one more for each of its labels, however many hosts there are; then the routes of
 * those patterns are walked by rank. Built under CONFIG_WRITE, read by any thread; nothing is
 * allocated in a look-up. */
#include "daemon/config/config-priv.h"

/* The ranks (places in listener->routes) of the routes with one host pattern, rising. */
typedef struct
{
  P2pSpan host;  /* (borrowed: the first of these routes) the exact name, or what follows "*" in a
                    wildcard */
  GArray *ranks; /* (owned) of unsigned */
} RankList;

typedef struct
{
  P2pSpan host;    /* (borrowed: first) */
  CertBox *first;  /* (owned reference) */
  CertBox *second; /* (owned reference) (nullable) for the other kind of key */
  P2pTlsCert *cert; /* (owned reference) */
} CertEntry;

struct ConfigListenerIndex
{
  GHashTable *exact;     /* (owned) RankList as a set, by host */
  GHashTable *wildcards; /* (owned) the same, by ".example.com" */
  RankList any;
  const ConfigRoute *fallback; /* (borrowed) (nullable) the default route */

  GHashTable *certs;          /* (owned) CertEntry as a set, by host */
  GHashTable *wildcard_certs; /* (owned) by ".example.com" */
  CertBox *fallback_cert;     /* (owned reference) (nullable: http) */
  GPtrArray *made_from;       /* (owned) of CertBox (owned references): all that the listener has */
};

/* FNV-1a. The names in the table are the administrator's, so nobody else can make them collide. */
static guint
host_hash (gconstpointer data)
{
  const P2pSpan *host = data;
  guint hash = 2166136261u;

  for (size_t i = 0; i < host->n; i++)
    hash = (hash ^ (unsigned char) host->p[i]) * 16777619u;
  return hash;
}

static gboolean
host_equal (gconstpointer a, gconstpointer b)
{
  return p2p_span_equal (*(const P2pSpan *) a, *(const P2pSpan *) b);
}

static void
rank_list_free (void *data)
{
  RankList *list = data;

  g_array_unref (list->ranks);
  g_free (list);
}

static void
cert_entry_free (void *data)
{
  CertEntry *entry = data;

  cert_box_unref (entry->first);
  g_clear_pointer (&entry->second, cert_box_unref);
  g_clear_pointer (&entry->cert, p2p_tls_cert_unref);
  g_free (entry);
}

static P2pSpan
wildcard_key (const char *pattern)
{
  return p2p_span_from_string (pattern + 1); /* with its dot */
}

static void
add_route (GHashTable *table, P2pSpan host, unsigned rank)
{
  RankList *list = g_hash_table_lookup (table, &host);

  if (!list)
    {
      list = g_new0 (RankList, 1);
      list->host = host;
      list->ranks = g_array_new (false, false, sizeof (unsigned));
      g_hash_table_add (table, list);
    }
  g_array_append_val (list->ranks, rank);
}

static void
index_route (ConfigListenerIndex *index, const ConfigRoute *route, unsigned rank)
{
  const char *pattern = route->host_pattern;

  if (route->is_default)
    index->fallback = route;
  /* A default route for everything would hide all that stand behind it: it is for what is left. */
  if (route->is_default && *pattern == '\0' && strcmp (route->path_prefix, "/") == 0)
    return;
  if (*pattern == '\0')
    g_array_append_val (index->any.ranks, rank);
  else if (*pattern == '*')
    add_route (index->wildcards, wildcard_key (pattern), rank);
  else
    add_route (index->exact, p2p_span_from_string (pattern), rank);
}

static bool
listener_wants (const ConfigListener *listener, const CertBox *box)
{
  return listener->protocol == CONFIG_PROTOCOL_HTTPS && box->pub.enabled && box->pub.cert
         && (box->pub.listener_id == 0 || box->pub.listener_id == listener->id);
}

/* Which of several for one name: one for this listener before one for all, one that somebody
 * brought before one that was made here. */
static unsigned
cert_rank (const CertBox *box)
{
  return (box->pub.listener_id != 0) * 2u + (box->source != STORE_CERTIFICATE_SELF_SIGNED);
}

static CertEntry *
ensure_cert_entry (ConfigListenerIndex *index, CertBox *box)
{
  bool wildcard = *box->pub.pattern == '*';
  GHashTable *table = wildcard ? index->wildcard_certs : index->certs;
  P2pSpan host
      = wildcard ? wildcard_key (box->pub.pattern) : p2p_span_from_string (box->pub.pattern);
  CertEntry *entry = g_hash_table_lookup (table, &host);

  if (entry)
    return entry;
  entry = g_new0 (CertEntry, 1);
  entry->host = host;
  entry->first = cert_box_ref (box);
  g_hash_table_add (table, entry);
  return entry;
}

/* Takes the place of another one. Of two equals the later is meant: ids rise. */
static void
replace_box (CertBox **place, CertBox *box)
{
  g_clear_pointer (place, cert_box_unref);
  *place = cert_box_ref (box);
}

static void
index_cert (ConfigListenerIndex *index, CertBox *box)
{
  CertEntry *entry = ensure_cert_entry (index, box);
  unsigned rank = cert_rank (box), best = cert_rank (entry->first);

  if (entry->first == box || rank < best)
    return;
  if (rank > best)
    g_clear_pointer (&entry->second, cert_box_unref);
  if (rank > best || box->pub.facts.rsa == entry->first->pub.facts.rsa)
    {
      entry->host = *box->pub.pattern == '*' ? wildcard_key (box->pub.pattern)
                                             : p2p_span_from_string (box->pub.pattern);
      replace_box (&entry->first, box);
    }
  else
    {
      replace_box (&entry->second, box);
    }
}

static void
finish_certs (GHashTable *table, ConfigBox *cfg)
{
  GHashTableIter iter;
  void *key;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      CertEntry *entry = key;

      entry->cert = p2p_tls_cert_ref (
          entry->second ? config_join_certs (cfg, entry->first, entry->second)
                        : entry->first->pub.cert);
    }
}

static void
index_certs (ConfigListenerIndex *index, const ConfigListener *listener, ConfigBox *cfg)
{
  index->made_from = g_ptr_array_new_with_free_func ((GDestroyNotify) cert_box_unref);
  for (unsigned i = 0; i < cfg->certs->len; i++)
    {
      CertBox *box = cfg->certs->pdata[i];

      if (!listener_wants (listener, box))
        continue;
      g_ptr_array_add (index->made_from, cert_box_ref (box));
      if (box->source == STORE_CERTIFICATE_FALLBACK)
        replace_box (&index->fallback_cert, box);
      else
        index_cert (index, box);
    }
  finish_certs (index->certs, cfg);
  finish_certs (index->wildcard_certs, cfg);
}

ConfigListenerIndex *
config_index_new (const ConfigListener *listener, ConfigBox *cfg)
{
  ConfigListenerIndex *index = g_new0 (ConfigListenerIndex, 1);

  index->exact = g_hash_table_new_full (host_hash, host_equal, rank_list_free, NULL);
  index->wildcards = g_hash_table_new_full (host_hash, host_equal, rank_list_free, NULL);
  index->certs = g_hash_table_new_full (host_hash, host_equal, cert_entry_free, NULL);
  index->wildcard_certs = g_hash_table_new_full (host_hash, host_equal, cert_entry_free, NULL);
  index->any.ranks = g_array_new (false, false, sizeof (unsigned));
  for (unsigned rank = 0; rank < listener->n_routes; rank++)
    index_route (index, listener->routes[rank], rank);
  index_certs (index, listener, cfg);
  return index;
}

void
config_index_free (ConfigListenerIndex *index)
{
  if (!index)
    return;
  g_hash_table_unref (index->exact);
  g_hash_table_unref (index->wildcards);
  g_hash_table_unref (index->certs);
  g_hash_table_unref (index->wildcard_certs);
  g_array_unref (index->any.ranks);
  g_clear_pointer (&index->fallback_cert, cert_box_unref);
  g_ptr_array_unref (index->made_from);
  g_free (index);
}

bool
config_index_has_certs (const ConfigListener *listener, const GPtrArray *certs)
{
  const GPtrArray *made_from = listener->index->made_from;
  unsigned n = 0;

  for (unsigned i = 0; i < certs->len; i++)
    if (listener_wants (listener, certs->pdata[i])
        && (n >= made_from->len || made_from->pdata[n++] != certs->pdata[i]))
      return false;
  return n == made_from->len;
}

/* ---- Look-ups ---- */

static bool
path_matches (P2pSpan prefix, P2pSpan path)
{
  if (prefix.n == 1)
    return true; /* "/" */
  return p2p_span_has_prefix (path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* The better of best and the first of these routes whose path prefix matches. */
static unsigned
better_rank (const ConfigListener *listener, const RankList *list, P2pSpan path, unsigned best)
{
  for (unsigned i = 0; list && i < list->ranks->len; i++)
    {
      unsigned rank = g_array_index (list->ranks, unsigned, i);

      if (rank >= best)
        return best;
      if (path_matches (p2p_span_from_string (listener->routes[rank]->path_prefix), path))
        return rank;
    }
  return best;
}

/* The part from the next dot behind the first character on, or nothing. An address has no labels.
 */
static P2pSpan
next_suffix (P2pSpan host)
{
  const char *dot = host.n > 1 ? memchr (host.p + 1, '.', host.n - 1) : NULL;

  return dot ? (P2pSpan){ dot, host.n - (size_t) (dot - host.p) } : P2P_SPAN_NONE;
}

const ConfigRoute *
config_match (const ConfigListener *listener, P2pSpan host, P2pSpan path)
{
  const ConfigListenerIndex *index = listener->index;
  unsigned best = better_rank (listener, &index->any, path, UINT_MAX);

  best = better_rank (listener, g_hash_table_lookup (index->exact, &host), path, best);
  if (g_hash_table_size (index->wildcards))
    for (P2pSpan suffix = next_suffix (host); suffix.n; suffix = next_suffix (suffix))
      best = better_rank (listener, g_hash_table_lookup (index->wildcards, &suffix), path, best);
  return best == UINT_MAX ? index->fallback : listener->routes[best];
}

/* By a name of its own, or by a wildcard, which stands for one label (RFC 9525 section 6.3). */
static bool
cert_names (const CertEntry *entry, P2pSpan host)
{
  P2pSpan suffix = next_suffix (host);

  for (char **name = entry->first->pub.facts.names; *name; name++)
    if (p2p_span_equal (p2p_span_from_string (*name), host)
        || (**name == '*' && p2p_span_equal (p2p_span_from_string (*name + 1), suffix)))
      return true;
  return false;
}

/* Of the wildcards the longest. One for a name above is for those names alone that its certificate
 * has: clients would refuse it under others. */
static const CertEntry *
find_wildcard_cert (const ConfigListenerIndex *index, P2pSpan server_name)
{
  P2pSpan parent = next_suffix (server_name);

  for (P2pSpan suffix = parent; suffix.n; suffix = next_suffix (suffix))
    {
      const CertEntry *entry = g_hash_table_lookup (index->wildcard_certs, &suffix);

      if (entry && (suffix.p == parent.p || cert_names (entry, server_name)))
        return entry;
    }
  return NULL;
}

static P2pTlsCert *
choose (const ConfigListenerIndex *index, P2pSpan server_name)
{
  const CertEntry *entry = g_hash_table_lookup (index->certs, &server_name);

  if (!entry && g_hash_table_size (index->wildcard_certs))
    entry = find_wildcard_cert (index, server_name);
  return entry ? entry->cert : index->fallback_cert->pub.cert;
}

P2pTlsCert *
config_choose_cert (const ConfigListener *listener, P2pSpan server_name)
{
  return p2p_tls_cert_ref (choose (listener->index, server_name));
}

bool
config_same_cert (const ConfigListener *listener, P2pSpan a, P2pSpan b)
{
  return choose (listener->index, a) == choose (listener->index, b);
}

bool
config_has_cert (const ConfigListener *listener, P2pSpan server_name)
{
  return choose (listener->index, server_name) != listener->index->fallback_cert->pub.cert;
}
