/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* AGENT_ALLOW and AGENT_DENY, see allow.h. */
#include "agent/allow.h"

#include "agent/allow-priv.h"
#include "lib/settings.h"

#include <arpa/inet.h>

typedef struct
{
  AllowEntry *entries; /* (owned) */
  unsigned n;
} List;

struct Allow
{
  List allow, deny;
};

/* --- addresses -------------------------------------------------------------------------------- */

typedef enum
{
  ORDINARY,
  OWN,      /* loopback, or unspecified, which connects to it */
  METADATA, /* link-local, or where clouds keep the machine's credentials */
} Kind;

/* An address in 16 bytes, IPv4 mapped, and the IPv4 address inside, if any. */
typedef struct
{
  uint8_t bytes[16];
  bool has_v4;
  uint8_t v4[16]; /* mapped */
} Address;

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
static const uint8_t metadata_v6[16] = { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 };
static const uint8_t loopback_v4[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
static const uint8_t loopback_v6[16] = { [15] = 1 };
static const uint8_t unspecified_v6[16] = { 0 };

static bool
is_mapped (const uint8_t bytes[16])
{
  return memcmp (bytes, mapped, sizeof mapped) == 0;
}

/* IPv4 stands inside IPv6 in three places: mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056). */
static void
find_v4 (Address *address)
{
  const uint8_t *bytes = address->bytes;
  bool is_6to4 = bytes[0] == 0x20 && bytes[1] == 0x02;

  address->has_v4 = is_6to4 || is_mapped (bytes) || memcmp (bytes, nat64, sizeof nat64) == 0;
  memcpy (address->v4, mapped, sizeof mapped);
  memcpy (address->v4 + 12, bytes + (is_6to4 ? 2 : 12), 4);
}

/* False: no IP address. */
static bool
read_address (const struct sockaddr *from, Address *ret)
{
  *ret = (Address){ .has_v4 = false };
  if (from->sa_family == AF_INET)
    {
      memcpy (ret->bytes, mapped, sizeof mapped);
      memcpy (ret->bytes + 12, &((const struct sockaddr_in *) (const void *) from)->sin_addr, 4);
    }
  else if (from->sa_family == AF_INET6)
    memcpy (ret->bytes, &((const struct sockaddr_in6 *) (const void *) from)->sin6_addr, 16);
  else
    return false;
  find_v4 (ret);
  return true;
}

static bool
is_unspecified_v4 (const uint8_t v4[4])
{
  return v4[0] == 0 && v4[1] == 0 && v4[2] == 0 && v4[3] == 0;
}

static Kind
kind_of_v4 (const uint8_t v4[4])
{
  if (v4[0] == 169 && v4[1] == 254)
    return METADATA;
  return v4[0] == 127 || is_unspecified_v4 (v4) ? OWN : ORDINARY;
}

static Kind
kind_of (const Address *address)
{
  const uint8_t *bytes = address->bytes;

  if (address->has_v4)
    return kind_of_v4 (address->v4 + 12);
  if ((bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80)
      || memcmp (bytes, metadata_v6, sizeof metadata_v6) == 0)
    return METADATA;
  return memcmp (bytes, loopback_v6, 16) == 0 || memcmp (bytes, unspecified_v6, 16) == 0 ? OWN
                                                                                         : ORDINARY;
}

/* --- entries ---------------------------------------------------------------------------------- */

static bool
has_port (const AllowEntry *entry, uint16_t port)
{
  return entry->first <= port && port <= entry->last;
}

static bool
has_name (const AllowEntry *entry, P2pSpan host)
{
  P2pSpan name = p2p_span_from_string (entry->name);

  if (!entry->below)
    return p2p_span_equal_nocase (host, name);
  return host.n > name.n + 1 && host.p[host.n - name.n - 1] == '.'
         && p2p_span_equal_nocase ((P2pSpan){ host.p + host.n - name.n, name.n }, name);
}

/* The dot at the end changes nothing of what a name means. */
static P2pSpan
without_dot (const char *host)
{
  P2pSpan span = p2p_span_from_string (host);

  while (span.n > 0 && span.p[span.n - 1] == '.')
    span.n--;
  return span;
}

static bool
list_has_name (const List *list, P2pSpan host, uint16_t port)
{
  for (unsigned i = 0; i < list->n; i++)
    if (list->entries[i].name && has_port (&list->entries[i], port)
        && has_name (&list->entries[i], host))
      return true;
  return false;
}

static bool
list_has_network (const List *list, const uint8_t bytes[16], uint16_t port)
{
  for (unsigned i = 0; i < list->n; i++)
    {
      const AllowEntry *entry = &list->entries[i];

      if (!entry->name && has_port (entry, port) && (!is_mapped (bytes) || entry->cidr.bits >= 96)
          && p2p_cidr_contains (&entry->cidr, bytes))
        return true;
    }
  return false;
}

/* Under every spelling that leads there. */
static bool
is_denied (const List *deny, const Address *address, uint16_t port)
{
  if (list_has_network (deny, address->bytes, port))
    return true;
  if (address->has_v4)
    return list_has_network (deny, address->v4, port)
           || (is_unspecified_v4 (address->v4 + 12) && list_has_network (deny, loopback_v4, port));
  return memcmp (address->bytes, unspecified_v6, 16) == 0
         && list_has_network (deny, loopback_v6, port);
}

/* --- judging ---------------------------------------------------------------------------------- */

AllowVerdict
allow_judge_name (const Allow *allow, const char *host, uint16_t port)
{
  P2pSpan name = without_dot (host);

  if (list_has_name (&allow->deny, name, port))
    return ALLOW_DENIED;
  if (allow->allow.n == 0 || list_has_name (&allow->allow, name, port))
    return ALLOW_YES;
  for (unsigned i = 0; i < allow->allow.n; i++)
    if (!allow->allow.entries[i].name && has_port (&allow->allow.entries[i], port))
      return ALLOW_YES;
  return ALLOW_UNLISTED;
}

AllowVerdict
allow_judge_address (const Allow *allow,
                     const char *host,
                     uint16_t port,
                     const struct sockaddr *address)
{
  P2pSpan name = without_dot (host);
  Address to;

  if (!read_address (address, &to))
    return ALLOW_UNLISTED;
  if (list_has_name (&allow->deny, name, port) || is_denied (&allow->deny, &to, port))
    return ALLOW_DENIED;
  if (allow->allow.n == 0)
    return kind_of (&to) == METADATA ? ALLOW_METADATA : ALLOW_YES;
  if (list_has_network (&allow->allow, to.bytes, port))
    return ALLOW_YES;
  if (!list_has_name (&allow->allow, name, port))
    return ALLOW_UNLISTED;
  return kind_of (&to) == ORDINARY ? ALLOW_YES : ALLOW_BY_NAME;
}

const char *
allow_verdict_text (AllowVerdict verdict)
{
  switch (verdict)
    {
    case ALLOW_YES:
      return "allowed";
    case ALLOW_DENIED:
      return "AGENT_DENY of this agent has this destination";
    case ALLOW_UNLISTED:
      return "AGENT_ALLOW of this agent does not have this destination";
    case ALLOW_METADATA:
      return "link-local and metadata addresses are not reached through this agent";
    case ALLOW_BY_NAME:
      return "loopback, link-local, metadata and unspecified addresses need a network in "
             "AGENT_ALLOW of this agent, a name is not enough";
    }
  g_assert_not_reached ();
}

char *
allow_describe (const Allow *allow)
{
  if (allow->allow.n > 0)
    return g_strdup_printf ("the daemon may reach what AGENT_ALLOW lists (entries: %u) and "
                            "AGENT_DENY does not (entries: %u)",
                            allow->allow.n, allow->deny.n);
  return g_strdup_printf ("AGENT_ALLOW is not set: the daemon may reach loopback, private and all "
                          "other addresses from here, but not link-local and metadata ones%s",
                          allow->deny.n > 0 ? ", nor what AGENT_DENY lists" : "");
}

/* --- making one ------------------------------------------------------------------------------- */

static bool
list_fill (List *list, const char *setting, char *const *texts, GError **error)
{
  unsigned n = texts ? g_strv_length ((char **) texts) : 0;

  list->entries = g_new0 (AllowEntry, n);
  for (; list->n < n; list->n++)
    {
      const char *wrong = allow_entry_parse (texts[list->n], &list->entries[list->n]);

      if (!wrong)
        continue;
      g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, "%s: '%s': %s", setting,
                   texts[list->n], wrong);
      allow_entry_clear (&list->entries[list->n]);
      return false;
    }
  return true;
}

static void
list_done (List *list)
{
  for (unsigned i = 0; i < list->n; i++)
    allow_entry_clear (&list->entries[i]);
  g_free (list->entries);
}

Allow *
allow_new (char *const *allow, char *const *deny, GError **error)
{
  g_autoptr (Allow) self = g_new0 (Allow, 1);

  if (!list_fill (&self->allow, "AGENT_ALLOW", allow, error)
      || !list_fill (&self->deny, "AGENT_DENY", deny, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
allow_free (Allow *allow)
{
  if (!allow)
    return;
  list_done (&allow->allow);
  list_done (&allow->deny);
  g_free (allow);
}
