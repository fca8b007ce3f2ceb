"""One file a migration. `migrate new` makes them; once they ran anywhere they are not changed."""
