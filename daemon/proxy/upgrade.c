/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Upgrade fields as lists: several lines, several protocols a line. See upgrade.h. */
#include "daemon/proxy/upgrade.h"

/* Goes through the protocols of all Upgrade fields of a message. */
typedef struct
{
  const P2pMessage *msg; /* (borrowed) */
  unsigned next;         /* field */
  P2pSpan rest;          /* (borrowed: msg) of the one before */
} Names;

static bool
names_next (Names *names, P2pSpan *ret_name)
{
  for (;;)
    {
      while (names->rest.n > 0)
        {
          *ret_name = p2p_span_trim (p2p_span_split (&names->rest, ','));
          if (ret_name->n > 0)
            return true;
        }
      while (names->next < names->msg->n_fields
             && names->msg->fields[names->next].id != P2P_FIELD_UPGRADE)
        names->next++;
      if (names->next == names->msg->n_fields)
        return false;
      names->rest = names->msg->fields[names->next++].value;
    }
}

/* protocol = protocol-name ["/" protocol-version]; a target lists names. */
static bool
is_listed (P2pSpan protocol, const ConfigTarget *target)
{
  P2pSpan name = p2p_span_split (&protocol, '/');

  for (char **listed = target->allowed_upgrades; *listed; listed++)
    if (p2p_span_equal_nocase (name, p2p_span_from_string (*listed)))
      return true;
  return false;
}

static bool
names_next_listed (Names *names, const ConfigTarget *target, P2pSpan *ret_name)
{
  while (names_next (names, ret_name))
    if (is_listed (*ret_name, target))
      return true;
  return false;
}

bool
upgrade_is_offered (const P2pMessage *msg, const ConfigTarget *target)
{
  Names names = { .msg = msg };
  P2pSpan name;

  return msg->upgrade && names_next_listed (&names, target, &name);
}

void
upgrade_put (Writer *out, const P2pMessage *msg, const ConfigTarget *target)
{
  Names names = { .msg = msg };
  P2pSpan name;

  WRITER_PUT (out, "Upgrade: ");
  for (bool more = false; names_next_listed (&names, target, &name); more = true)
    {
      if (more)
        WRITER_PUT (out, ", ");
      writer_put (out, name);
    }
  WRITER_PUT (out, "\r\n");
}

static bool
offers (const P2pMessage *request, const ConfigTarget *target, P2pSpan wanted)
{
  Names names = { .msg = request };
  P2pSpan name;

  while (names_next_listed (&names, target, &name))
    if (p2p_span_equal_nocase (name, wanted))
      return true;
  return false;
}

bool
upgrade_is_answered (const P2pMessage *answer,
                     const P2pMessage *request,
                     const ConfigTarget *target)
{
  Names names = { .msg = answer };
  P2pSpan name;
  unsigned n = 0;

  for (; names_next (&names, &name); n++)
    if (!offers (request, target, name))
      return false;
  return n > 0;
}
