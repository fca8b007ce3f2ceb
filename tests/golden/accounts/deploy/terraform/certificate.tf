# The public certificate of the host name. ACM renews it by itself as long as the validation
# record stays. The load balancer takes it by ARN (see output "kubernetes").

data "aws_route53_zone" "public" {
  name         = var.zone_name
  private_zone = false # also for an internal load balancer: ACM validates in public DNS only
}

resource "aws_acm_certificate" "service" {
  domain_name       = local.settings.hostname
  validation_method = "DNS"
  key_algorithm     = "EC_prime256v1" # cheaper handshakes than RSA; every TLS 1.2 client since 2013 has it

  options {
    # Browsers refuse public certificates that are not logged.
    certificate_transparency_logging_preference = "ENABLED"
  }

  lifecycle {
    # A listener must never be left without a certificate.
    create_before_destroy = true
  }
}

locals {
  # One name in the certificate, so one record to make.
  certificate_challenge = one(aws_acm_certificate.service.domain_validation_options)
}

resource "aws_route53_record" "certificate_validation" {
  zone_id = data.aws_route53_zone.public.zone_id
  name    = local.certificate_challenge.resource_record_name
  type    = local.certificate_challenge.resource_record_type
  records = [local.certificate_challenge.resource_record_value]
  ttl     = 300

  # The same name and account always get the same record; a replaced certificate reuses it.
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "service" {
  certificate_arn         = aws_acm_certificate.service.arn
  validation_record_fqdns = [aws_route53_record.certificate_validation.fqdn]

  timeouts {
    create = "15m" # usually two minutes; longer means that the zone is not delegated
  }
}
