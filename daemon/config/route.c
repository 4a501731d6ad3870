/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A route of the snapshot from its row. A target that did not change is shared with the snapshot
 * before. Under CONFIG_WRITE. */
#include "daemon/config/config-priv.h"

#define PRIORITY_MAX 1000000

static bool
check (const StoreRoute *row, const char *member, const char *wrong, GError **error)
{
  if (wrong && strcmp (member, "name") == 0)
    config_set_error (error, CONFIG_ERROR_INVALID, member, "route: name %s",
                      wrong); /* not a name to show */
  else if (wrong)
    config_set_error (error, CONFIG_ERROR_INVALID, member, "route '%s': %s %s", row->name, member,
                      wrong);
  return !wrong;
}

static bool
check_row (const StoreRoute *row, GError **error)
{
  bool in_range = row->priority >= -PRIORITY_MAX && row->priority <= PRIORITY_MAX;

  return check (row, "name", config_check_name (row->name), error)
         && check (row, "host_pattern", config_check_host_pattern (row->host_pattern), error)
         && check (row, "path_prefix", config_check_path (row->path_prefix), error)
         && check (row, "priority", in_range ? NULL : "must be between -1000000 and 1000000", error)
         && check (row, "redirect_status_code",
                   config_is_redirect_status (row->redirect_status_code)
                       ? NULL
                       : "must be 301, 302, 303, 307 or 308",
                   error)
         && check (row, "redirect_target",
                   row->action == STORE_ACTION_REDIRECT ? config_check_redirect_target (
                       (ConfigRedirectMode) row->redirect_target_mode, row->redirect_target)
                                                        : NULL,
                   error)
         && check (row, "targets",
                   row->targets->len <= CONFIG_TARGETS_MAX ? NULL : "must not be more than 64",
                   error);
}

static gint
compare_route_id (gconstpointer a, gconstpointer b)
{
  const RouteBox *ra = *(RouteBox *const *) a, *rb = *(RouteBox *const *) b;

  return ra->pub.id < rb->pub.id ? -1 : ra->pub.id > rb->pub.id;
}

static const RouteBox *
find_old (const Builder *builder, int64_t id)
{
  RouteBox key = { .pub.id = id };
  RouteBox *key_pointer = &key;
  RouteBox *const *found;

  if (!builder->old || builder->old->routes->len == 0)
    return NULL;
  found = bsearch (&key_pointer, builder->old->routes->pdata, builder->old->routes->len,
                   sizeof (void *), compare_route_id);
  return found ? *found : NULL;
}

/* A new place in the list is no new version of the target, but a new box. */
static TargetBox *
share_target (const RouteBox *old, const StoreTarget *row, unsigned position)
{
  for (unsigned i = 0; old && i < old->n_all_targets; i++)
    {
      TargetBox *box = old->all_targets[i];

      if (box->pub.id == row->id && box->version == row->version && box->pub.position == position)
        return target_box_ref (box);
    }
  return NULL;
}

/* That of its version before; its own if it is new or another origin now, of which nothing is known
 * yet. */
static ConfigTargetState *
take_state (const RouteBox *old, const ConfigTarget *target)
{
  for (unsigned i = 0; old && i < old->n_all_targets; i++)
    {
      const ConfigTarget *before = &old->all_targets[i]->pub;

      if (before->id == target->id && before->origin_key == target->origin_key)
        return config_target_state_ref (before->state);
    }
  return config_target_state_new ();
}

static gint
compare_turn (gconstpointer a, gconstpointer b)
{
  const ConfigTarget *ta = *(ConfigTarget *const *) a, *tb = *(ConfigTarget *const *) b;

  if (ta->priority_group != tb->priority_group)
    return ta->priority_group < tb->priority_group ? -1 : 1;
  return ta->position < tb->position ? -1 : ta->position > tb->position;
}

/* All of the row, then the enabled ones in the order in which they are asked. */
static bool
make_targets (Builder *builder, const StoreRoute *row, RouteBox *box, GError **error)
{
  const RouteBox *old = find_old (builder, row->id);
  ConfigRoute *pub = &box->pub;

  pub->targets = g_new0 (ConfigTarget *, row->targets->len + 1);
  box->all_targets = g_new0 (TargetBox *, row->targets->len + 1);
  for (unsigned i = 0; i < row->targets->len; i++)
    {
      TargetBox *target = share_target (old, row->targets->pdata[i], i);

      if (!target && !(target = config_make_target (builder, row, i, error)))
        return false;
      if (!target->pub.state)
        target->pub.state = take_state (old, &target->pub);
      box->all_targets[box->n_all_targets++] = target;
      if (target->pub.enabled)
        pub->targets[pub->n_targets++] = &target->pub;
    }
  qsort (pub->targets, pub->n_targets, sizeof pub->targets[0], compare_turn);
  return true;
}

G_STATIC_ASSERT ((int) STORE_REDIRECT_ABSOLUTE_URL == (int) CONFIG_REDIRECT_ABSOLUTE_URL);
G_STATIC_ASSERT ((int) STORE_REDIRECT_SAME_HOST_PATH == (int) CONFIG_REDIRECT_SAME_HOST_PATH);

RouteBox *
config_make_route (Builder *builder, const StoreRoute *row, GError **error)
{
  g_autoptr (RouteBox) box = g_new0 (RouteBox, 1);
  ConfigRoute *pub = &box->pub;

  box->n_refs = 1;
  box->version = row->version;
  box->listener_id = row->listener_id;
  box->enabled = row->enabled;
  if (!check_row (row, error))
    return NULL;
  pub->id = row->id;
  pub->name = g_strdup (row->name);
  pub->priority = row->priority;
  pub->host_pattern = config_dup_host (row->host_pattern);
  pub->path_prefix = row->path_prefix[1] ? config_trim_path (row->path_prefix) : g_strdup ("/");
  pub->is_default = row->is_default;
  pub->path_security = row->path_security_mode == STORE_PATH_STRICT
                           ? CONFIG_PATH_STRICT
                           : CONFIG_PATH_ALLOW_ENCODED_SEPARATORS;
  pub->action
      = row->action == STORE_ACTION_REDIRECT ? CONFIG_ACTION_REDIRECT : CONFIG_ACTION_FORWARD;
  pub->redirect_mode = (ConfigRedirectMode) row->redirect_target_mode;
  pub->redirect_target = g_strdup (row->redirect_target);
  pub->redirect_status_code = (unsigned) row->redirect_status_code;
  pub->redirect_preserve_path_suffix = row->redirect_preserve_path_suffix;
  pub->redirect_preserve_query = row->redirect_preserve_query;
  pub->balancing = (ConfigBalancing) row->target_load_balancing;
  return make_targets (builder, row, box, error) ? g_steal_pointer (&box) : NULL;
}
