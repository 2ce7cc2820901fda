-- Any new value of the annotation is one request.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["grouparoo.io/requested-at"] = os.date("!%Y-%m-%dT%XZ")
return obj
