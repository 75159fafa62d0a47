DROP INDEX group_invites_page;
