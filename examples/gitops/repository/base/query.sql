-- People who may be written to: those who confirmed their address. $$…$$ and '${…}' are SQL here, not variables.
select
  id,
  email,
  first_name,
  coalesce(plan, $$none$$) as plan,
  wants_newsletter
from customers
where email_confirmed
  and first_name not like '${%}'
