-- The health of a SyncRun: a fact once `Succeeded` is true or false.
local metadata = obj.metadata or {}
if metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "is being deleted" }
end
local conditions = obj.status ~= nil and obj.status.conditions or {}
for _, condition in ipairs(conditions) do
  if condition.type == "Succeeded" then
    local health = "Progressing"
    if condition.status == "True" then
      health = "Healthy"
    elseif condition.status == "False" then
      health = "Degraded"
    end
    return { status = health, message = condition.message or "" }
  end
end
return { status = "Progressing", message = "the run waits for its turn" }
