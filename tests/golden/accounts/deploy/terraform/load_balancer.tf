# The AWS Load Balancer Controller makes the load balancer from the Gateway in
# deploy/kubernetes, so the first apply of an environment finds none. scripts/deploy.sh
# compares the Gateway's address with the output `load_balancer` after every rollout and
# applies once more when they differ: on the first deployment, and whenever the controller
# had to replace the load balancer. Alias record and alarms follow by themselves.

data "aws_lbs" "service" {
  tags = {
    # The controller sets the first tag, LoadBalancerConfiguration the other two.
    "elbv2.k8s.aws/cluster" = data.aws_eks_cluster.this.name
    Service                 = local.service
    Environment             = var.environment
  }

  lifecycle {
    postcondition {
      condition     = length(self.arns) <= 1
      error_message = "Several load balancers carry the tags of ${local.name}: remove the one that no Gateway owns."
    }
  }
}

data "aws_lb" "service" {
  for_each = data.aws_lbs.service.arns

  arn = each.value
}

locals {
  load_balancer = one(values(data.aws_lb.service))
}

# Without external-dns: one thing less that the cluster must offer. Where external-dns runs, it
# leaves records alone that it does not own.
resource "aws_route53_record" "service" {
  count = local.load_balancer == null ? 0 : 1

  zone_id = data.aws_route53_zone.public.zone_id
  name    = local.settings.hostname
  type    = "A"

  alias {
    name                   = local.load_balancer.dns_name
    zone_id                = local.load_balancer.zone_id
    evaluate_target_health = true
  }
}

check "load_balancer" {
  assert {
    condition     = local.load_balancer != null
    error_message = "No load balancer yet: expected before the first deployment. Until then there is no DNS record and no alarm watches the traffic."
  }
}
